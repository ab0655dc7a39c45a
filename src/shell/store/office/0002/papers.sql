-- Print runs: what was put on paper, by whom, and whether it came out of the printer (`outcome`: printed, discarded; none while it waits).
CREATE TABLE print_run (
    number INTEGER PRIMARY KEY,
    layout TEXT NOT NULL,
    contact TEXT NOT NULL,
    url TEXT NOT NULL,
    dated INTEGER NOT NULL,
    papers INTEGER NOT NULL,
    clerk TEXT NOT NULL,
    at INTEGER NOT NULL,
    outcome TEXT,
    ended_by TEXT,
    ended_at INTEGER
);
CREATE INDEX print_run_waiting ON print_run (number) WHERE outcome IS NULL;

-- The papers of a run in their order: a token's card, or the slip of an enrolment code.
CREATE TABLE print_item (run INTEGER NOT NULL REFERENCES print_run, place INTEGER NOT NULL, token INTEGER, code BLOB, PRIMARY KEY (run, place)) WITHOUT ROWID;
CREATE INDEX print_item_by_token ON print_item (token) WHERE token IS NOT NULL;

-- The files of a run. Their bytes are dropped after some days: the same bytes can be made again, which the hash shows.
CREATE TABLE print_file (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES print_run,
    part INTEGER NOT NULL,
    papers INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    hash BLOB NOT NULL,
    made INTEGER NOT NULL,
    bytes BLOB,
    UNIQUE (run, part)
);
CREATE INDEX print_file_kept ON print_file (made) WHERE bytes IS NOT NULL;

-- The last run that has a token's card; none while it waits to be printed.
ALTER TABLE token ADD COLUMN print_run INTEGER;
CREATE INDEX token_to_print ON token (id) WHERE print_run IS NULL AND bytes IS NOT NULL;

-- Files that were checked and wait for a clerk's word; the unguessable id is all that stands in an address.
CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    clerk TEXT NOT NULL,
    at INTEGER NOT NULL,
    report TEXT NOT NULL,
    bytes BLOB NOT NULL
);
CREATE INDEX upload_by_clerk ON upload (clerk COLLATE NOCASE, at);
