-- The terminal's database. journal.bytes is the truth; every other column of the journal and every table marked "index" can be
-- derived again from it, and `journal verify` does so.

CREATE TABLE meta(
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal(
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    office INTEGER,
    bytes BLOB NOT NULL,
    link BLOB NOT NULL
) STRICT;

-- The offices this terminal is enrolled at, with what each has said last.
CREATE TABLE office(
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    root BLOB NOT NULL,
    trust BLOB NOT NULL,
    status BLOB,
    credential BLOB,
    cursor INTEGER NOT NULL DEFAULT 0,
    sealed_to INTEGER NOT NULL DEFAULT 0,
    heard_at INTEGER NOT NULL DEFAULT 0,
    disputed INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Every service an office has ever agreed, as last agreed: entries name a service only by its code.
CREATE TABLE service(
    office INTEGER NOT NULL,
    code TEXT NOT NULL,
    provider INTEGER NOT NULL,
    pricing INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (office, code)
) STRICT, WITHOUT ROWID;

-- Index of redemptions.
CREATE TABLE redemption(
    seq INTEGER PRIMARY KEY,
    office INTEGER NOT NULL,
    handle BLOB NOT NULL,
    benefit INTEGER NOT NULL,
    service TEXT NOT NULL,
    day INTEGER NOT NULL,
    units INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    lesson_start INTEGER,
    lesson_end INTEGER,
    operator TEXT,
    slot_day INTEGER NOT NULL,
    slot BLOB NOT NULL,
    cancelled_by INTEGER
) STRICT;
CREATE INDEX redemption_by_child ON redemption(handle, day);
CREATE INDEX redemption_by_day ON redemption(day);
-- What can be used once is in live use at most once; led by the day, so that a day's slots lie together.
CREATE UNIQUE INDEX live_slot ON redemption(slot_day, slot) WHERE cancelled_by IS NULL;

-- What an earlier journal of this box, before a restore, had redeemed and the office had receipted.
CREATE TABLE earlier(
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    office INTEGER NOT NULL,
    handle BLOB NOT NULL,
    benefit INTEGER NOT NULL,
    service TEXT NOT NULL,
    day INTEGER NOT NULL,
    units INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    lesson_start INTEGER,
    lesson_end INTEGER,
    slot_day INTEGER NOT NULL,
    slot BLOB NOT NULL
) STRICT;
CREATE INDEX earlier_by_child ON earlier(handle, day);
CREATE INDEX earlier_slot ON earlier(slot_day, slot);

-- The journals of earlier boxes, kept as long as books must be kept.
CREATE TABLE earlier_journal(
    terminal BLOB NOT NULL,
    seq INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    link BLOB NOT NULL,
    PRIMARY KEY (terminal, seq)
) STRICT, WITHOUT ROWID;

-- Index of held entries, with the readable alias, which never leaves this box.
CREATE TABLE held(
    seq INTEGER PRIMARY KEY,
    alias_id BLOB NOT NULL,
    alias TEXT NOT NULL,
    settled_by INTEGER
) STRICT;

CREATE TABLE elsewhere(
    office INTEGER NOT NULL,
    handle BLOB NOT NULL,
    benefit INTEGER NOT NULL,
    measure INTEGER NOT NULL,
    used INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    PRIMARY KEY (office, handle, benefit, measure)
) STRICT, WITHOUT ROWID;

-- Whole codes seen before: then the number printed beside them, or a taught chip, is enough.
CREATE TABLE token(
    number INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL,
    office INTEGER NOT NULL,
    handle BLOB NOT NULL,
    issued INTEGER NOT NULL,
    hint TEXT
) STRICT;
CREATE INDEX token_by_child ON token(handle, issued);

-- Chips by a keyed hash of their UID: the list of a kitchen's chips cannot be read off this box.
CREATE TABLE chip(
    hash BLOB PRIMARY KEY,
    office INTEGER NOT NULL,
    handle BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ask(
    id TEXT PRIMARY KEY,
    request BLOB NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ask_by_time ON ask(at);

-- Sealed batches; the bytes stay until the office's receipt confirms exactly them.
CREATE TABLE batch(
    id BLOB PRIMARY KEY,
    office INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    last_link BLOB NOT NULL,
    hash BLOB NOT NULL,
    sealed_at INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    bytes BLOB,
    receipt BLOB,
    reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_by_office ON batch(office, first);

-- The questions asked of an office, so that an answer is known for ours.
CREATE TABLE asked(
    nonce BLOB PRIMARY KEY,
    office INTEGER NOT NULL,
    at INTEGER NOT NULL,
    answered INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE advice(
    batch BLOB NOT NULL,
    revision INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (batch, revision)
) STRICT, WITHOUT ROWID;

-- Index of advices: what counts of each line.
CREATE TABLE advised(
    seq INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

-- Index of advices: what was transferred.
CREATE TABLE payment(
    batch BLOB NOT NULL,
    end_to_end_id TEXT NOT NULL,
    execution INTEGER NOT NULL,
    share INTEGER NOT NULL,
    transfer INTEGER NOT NULL,
    PRIMARY KEY (batch, end_to_end_id)
) STRICT, WITHOUT ROWID;
