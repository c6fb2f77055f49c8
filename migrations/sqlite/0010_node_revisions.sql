-- Every write to a node gives its row another revision, so that what was read of it can be kept until then. It begins with
-- the time of creation, so that a number or UUID that is used again does not bring back what another node was.
ALTER TABLE nodes ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;

-- Ironbark's own statements see to it themselves, which costs less; this is for what an operator writes by hand.
CREATE TRIGGER nodes_revision AFTER UPDATE ON nodes WHEN NEW.revision = OLD.revision
BEGIN
    UPDATE nodes SET revision = revision + 1 WHERE id = NEW.id;
END;
