-- Inspection rules. Differs from the PostgreSQL file of the same number only in row numbers and collation.

CREATE TABLE inspection_rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT,
    description TEXT,
    priority BIGINT NOT NULL DEFAULT 0,
    phase TEXT NOT NULL,
    sensitive INTEGER NOT NULL DEFAULT 0,
    conditions TEXT NOT NULL DEFAULT '[]',
    actions TEXT NOT NULL
);
