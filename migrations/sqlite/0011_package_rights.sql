-- What exactly was granted; by which key a version was signed; whose names are. Differs from the PostgreSQL file of the same
-- number only in collation.

-- What a version asks for, as its metadata has it, and the implementations that it brings ('power/acme'). Conductors fill in
-- what is missing of versions that were installed before.
ALTER TABLE driver_versions ADD COLUMN capabilities TEXT NOT NULL DEFAULT '[]';
ALTER TABLE driver_versions ADD COLUMN implementations TEXT NOT NULL DEFAULT '[]';

-- A name may be trusted again with another key: then it says nothing of what the former key signed.
ALTER TABLE driver_versions ADD COLUMN publisher_key TEXT;
UPDATE driver_versions SET publisher_key = (SELECT p.public_key FROM publishers p WHERE p.name = driver_versions.publisher);

-- What was granted under each name, in the form of a package's metadata. NULL: granted before this was written down.
ALTER TABLE driver_grants ADD COLUMN entries TEXT;

-- Whose a package's name is: the publisher's that signed it first.
CREATE TABLE driver_owners (
    package TEXT NOT NULL PRIMARY KEY,
    publisher TEXT NOT NULL,
    public_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO driver_owners (package, publisher, public_key, created_at)
    SELECT v.package, v.publisher, COALESCE(v.publisher_key, ''), v.created_at FROM driver_versions v
    WHERE v.publisher IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM driver_versions f WHERE f.package = v.package AND f.publisher IS NOT NULL
        AND (f.created_at < v.created_at OR (f.created_at = v.created_at AND f.version < v.version))
    );
