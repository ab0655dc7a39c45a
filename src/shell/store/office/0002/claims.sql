-- Class lists entered for a provider without terminal: looked at first, then taken exactly as looked at.
CREATE TABLE class_list (
    id BLOB PRIMARY KEY,
    provider INTEGER NOT NULL REFERENCES provider,
    made INTEGER NOT NULL,
    content TEXT NOT NULL,
    taken INTEGER,
    taken_by TEXT,
    batch INTEGER REFERENCES batch
);

-- Trips of a child that are settled at their actual cost: deposits and balances are over.
CREATE TABLE trip_end (
    child INTEGER NOT NULL REFERENCES child,
    provider INTEGER NOT NULL,
    benefit INTEGER NOT NULL,
    event TEXT NOT NULL,
    cents INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (child, provider, benefit, event)
) WITHOUT ROWID;
