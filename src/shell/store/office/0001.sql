CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- What documents the office has out: counts up, never goes back.
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;

-- A child. One without a reference is known by claims alone.
CREATE TABLE child (
    id INTEGER PRIMARY KEY,
    handle BLOB NOT NULL UNIQUE,
    reference TEXT UNIQUE,
    legal_basis TEXT
);

-- A token. One without bytes was never issued here and is known by claims alone.
CREATE TABLE token (
    id INTEGER PRIMARY KEY,
    token BLOB NOT NULL UNIQUE,
    child INTEGER NOT NULL REFERENCES child,
    status_index INTEGER UNIQUE,
    number INTEGER,
    issued INTEGER NOT NULL,
    bytes BLOB,
    replaces INTEGER REFERENCES token
);
CREATE INDEX token_by_child ON token (child);
CREATE INDEX token_by_number ON token (number);

CREATE TABLE stop (
    token INTEGER NOT NULL REFERENCES token,
    status INTEGER NOT NULL,
    from_day INTEGER NOT NULL,
    until_day INTEGER,
    recorded INTEGER NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX stop_by_token ON stop (token);

-- What the office paid on an allowance itself.
CREATE TABLE debit (
    child INTEGER NOT NULL REFERENCES child,
    benefit INTEGER NOT NULL,
    from_day INTEGER NOT NULL,
    to_day INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (child, benefit, from_day, to_day, cents)
) WITHOUT ROWID;

CREATE TABLE provider (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    iban TEXT NOT NULL,
    changed INTEGER NOT NULL
);

CREATE TABLE agreement (
    provider INTEGER NOT NULL REFERENCES provider,
    code TEXT NOT NULL,
    benefit INTEGER NOT NULL,
    label TEXT NOT NULL,
    pricing INTEGER NOT NULL,
    unit_minutes INTEGER,
    detail TEXT,
    from_day INTEGER NOT NULL,
    until_day INTEGER,
    PRIMARY KEY (provider, code)
) WITHOUT ROWID;

CREATE TABLE price (
    provider INTEGER NOT NULL,
    code TEXT NOT NULL,
    from_day INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (provider, code, from_day),
    FOREIGN KEY (provider, code) REFERENCES agreement
) WITHOUT ROWID;

-- A row of the calendar; without a provider it is for all. The latest row that speaks of a day counts.
CREATE TABLE calendar (
    id INTEGER PRIMARY KEY,
    provider INTEGER,
    from_day INTEGER NOT NULL,
    to_day INTEGER NOT NULL,
    open INTEGER NOT NULL
);

CREATE TABLE enrolment_code (
    code BLOB PRIMARY KEY,
    secret BLOB NOT NULL,
    provider INTEGER NOT NULL REFERENCES provider,
    expires INTEGER NOT NULL,
    used_by BLOB
) WITHOUT ROWID;

CREATE TABLE terminal (
    id INTEGER PRIMARY KEY,
    terminal BLOB NOT NULL UNIQUE,
    key BLOB NOT NULL,
    recipient TEXT NOT NULL,
    label TEXT NOT NULL,
    provider INTEGER NOT NULL REFERENCES provider,
    admitted INTEGER NOT NULL,
    credential BLOB NOT NULL,
    credential_issued INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    head_link BLOB NOT NULL,
    checkpoint_at INTEGER NOT NULL,
    last_answer BLOB
);

-- When a terminal's question was answered; whether the answer arrived, only a checkpoint in its journal says.
CREATE TABLE exchange (terminal INTEGER NOT NULL REFERENCES terminal, at INTEGER NOT NULL, PRIMARY KEY (terminal, at)) WITHOUT ROWID;

-- Batches as received, every one, whatever became of it.
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    batch BLOB NOT NULL,
    terminal INTEGER NOT NULL REFERENCES terminal,
    provider INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    created INTEGER NOT NULL,
    received INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    bytes BLOB NOT NULL,
    reason TEXT,
    receipt BLOB NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX batch_by_id ON batch (batch);
CREATE INDEX batch_by_terminal ON batch (terminal, first_seq);

-- The ledger: one row a redemption. The slot's unique key is led by the day, so that a day's slots lie together.
CREATE TABLE line (
    terminal INTEGER NOT NULL REFERENCES terminal,
    seq INTEGER NOT NULL,
    batch INTEGER NOT NULL REFERENCES batch,
    child INTEGER NOT NULL REFERENCES child,
    token INTEGER NOT NULL REFERENCES token,
    provider INTEGER NOT NULL,
    month INTEGER NOT NULL,
    day INTEGER NOT NULL,
    at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    benefit INTEGER NOT NULL,
    service TEXT NOT NULL,
    units INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    full_price INTEGER,
    slot_day INTEGER NOT NULL,
    slot BLOB NOT NULL,
    seen_as INTEGER NOT NULL,
    status_issued INTEGER NOT NULL,
    data_age INTEGER NOT NULL,
    operator TEXT,
    lesson_start INTEGER,
    lesson_end INTEGER,
    charge TEXT,
    settles INTEGER,
    hash BLOB NOT NULL,
    cancelled_by INTEGER,
    verdict INTEGER NOT NULL DEFAULT 0,
    decided INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    against_terminal INTEGER,
    against_seq INTEGER,
    holds INTEGER NOT NULL DEFAULT 0,
    settled INTEGER,
    run INTEGER,
    advise INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (terminal, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX ledger_slot ON line (slot_day, slot) WHERE holds = 1;
CREATE INDEX line_by_child ON line (month, child);
CREATE INDEX line_to_advise ON line (batch) WHERE advise = 1;
CREATE INDEX line_by_tutor ON line (day, provider) WHERE lesson_start IS NOT NULL;

-- Counter-records; the line they take back is of the same journal.
CREATE TABLE cancellation (
    terminal INTEGER NOT NULL REFERENCES terminal,
    seq INTEGER NOT NULL,
    batch INTEGER NOT NULL REFERENCES batch,
    target INTEGER NOT NULL,
    why TEXT NOT NULL,
    at INTEGER NOT NULL,
    hash BLOB NOT NULL,
    verdict INTEGER NOT NULL DEFAULT 0,
    decided INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    settled INTEGER,
    run INTEGER,
    advise INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (terminal, seq)
) WITHOUT ROWID;
CREATE INDEX cancellation_by_target ON cancellation (terminal, target);
CREATE INDEX cancellation_to_advise ON cancellation (batch) WHERE advise = 1;

-- Entries that could not be read; they get an answer like every line.
CREATE TABLE unreadable (
    terminal INTEGER NOT NULL REFERENCES terminal,
    seq INTEGER NOT NULL,
    batch INTEGER NOT NULL REFERENCES batch,
    reason TEXT NOT NULL,
    advise INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (terminal, seq)
) WITHOUT ROWID;

-- Children whose lines must be decided (again).
CREATE TABLE dirty (child INTEGER PRIMARY KEY) WITHOUT ROWID;

-- Every ruling ever made; the last one on a line counts. The note stays in the office.
CREATE TABLE ruling (
    id INTEGER PRIMARY KEY,
    terminal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    choice TEXT NOT NULL,
    cents INTEGER,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    clerk TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX ruling_by_line ON ruling (terminal, seq);

CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    execution INTEGER NOT NULL,
    content BLOB NOT NULL,
    first_clerk TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    second_clerk TEXT,
    second_at INTEGER
);

CREATE TABLE payment (
    end_to_end_id TEXT PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run,
    provider INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    remittance TEXT NOT NULL,
    iban TEXT NOT NULL,
    booked INTEGER,
    returned TEXT
) WITHOUT ROWID;

CREATE TABLE share (
    end_to_end_id TEXT NOT NULL REFERENCES payment,
    batch INTEGER NOT NULL REFERENCES batch,
    cents INTEGER NOT NULL,
    PRIMARY KEY (end_to_end_id, batch)
) WITHOUT ROWID;
CREATE INDEX share_by_batch ON share (batch);

-- What every line of a released run was paid: the proof of a settlement, row by row.
CREATE TABLE run_line (
    run INTEGER NOT NULL REFERENCES run,
    terminal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    total INTEGER NOT NULL,
    already INTEGER NOT NULL,
    PRIMARY KEY (run, terminal, seq)
) WITHOUT ROWID;

CREATE TABLE released_file (run INTEGER NOT NULL REFERENCES run, name TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (run, name)) WITHOUT ROWID;

-- Answers on their way to terminals; the id is the cursor.
CREATE TABLE advice (id INTEGER PRIMARY KEY AUTOINCREMENT, terminal INTEGER NOT NULL REFERENCES terminal, batch INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX advice_by_terminal ON advice (terminal, id);

CREATE TABLE clerk (name TEXT PRIMARY KEY COLLATE NOCASE, password TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
