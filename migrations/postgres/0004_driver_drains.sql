-- Versions of driver packages that waiting steps still need although nothing else uses them. The same for both databases.
CREATE TABLE driver_drains (
    digest TEXT NOT NULL PRIMARY KEY,
    -- Since when the version isn't in use any more.
    since BIGINT NOT NULL
);
