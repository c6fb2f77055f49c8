-- Every write to a node gives its row another revision, so that what was read of it can be kept until then. It begins with
-- the time of creation, so that a number or UUID that is used again does not bring back what another node was.
ALTER TABLE nodes ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
