-- Every write to a node gives its row another revision, so that what was read of it can be kept until then. It begins with
-- the time of creation, so that a number or UUID that is used again does not bring back what another node was.
ALTER TABLE nodes ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

-- Ironbark's own statements see to it themselves, which costs less; this is for what an operator writes by hand.
CREATE FUNCTION give_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END;
$$;
CREATE TRIGGER nodes_revision BEFORE UPDATE ON nodes
    FOR EACH ROW WHEN (NEW.revision = OLD.revision) EXECUTE FUNCTION give_revision();
