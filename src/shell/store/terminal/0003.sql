-- What stands in the place of an entry whose bytes were erased: their SHA-256. Its number, time, kind and link stay.
ALTER TABLE journal ADD COLUMN erased BLOB;
ALTER TABLE earlier_journal ADD COLUMN erased BLOB;

-- Other terminals of this provider in the same house, by office: who they are, and how far each knows the other's journal.
CREATE TABLE neighbour(
    office INTEGER NOT NULL,
    terminal BLOB NOT NULL,
    credential BLOB NOT NULL,
    label TEXT NOT NULL DEFAULT '',
    has INTEGER NOT NULL DEFAULT 0,
    knows INTEGER NOT NULL DEFAULT 0,
    heard_at INTEGER NOT NULL DEFAULT 0,
    chips_has INTEGER NOT NULL DEFAULT 0,
    chips_knows INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (office, terminal)
) STRICT, WITHOUT ROWID;

-- Taught chips again, so that tills of one house can tell each other: under whose key the hash is (empty for this box's own), when that
-- was done, and whether here, with the act's number. A chip that was forgotten has no child.
ALTER TABLE chip RENAME TO taught_before;
CREATE TABLE chip(
    key BLOB NOT NULL,
    hash BLOB NOT NULL,
    office INTEGER NOT NULL,
    handle BLOB,
    at INTEGER NOT NULL,
    own INTEGER NOT NULL,
    act INTEGER NOT NULL,
    PRIMARY KEY (key, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO chip(key, hash, office, handle, at, own, act) SELECT x'', hash, office, handle, 0, 1, row_number() OVER (ORDER BY hash) FROM taught_before;
DROP TABLE taught_before;
CREATE INDEX chip_by_act ON chip(office, act) WHERE own = 1;
CREATE INDEX chip_by_child ON chip(handle);
CREATE TABLE chip_acts(last INTEGER NOT NULL) STRICT;
INSERT INTO chip_acts(last) SELECT count(*) FROM chip;
-- The keys under which neighbours hash their chips.
CREATE TABLE chip_key(id BLOB PRIMARY KEY, secret BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- Where neighbours are looked for, and whom an address has turned out to be.
CREATE TABLE neighbour_address(
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    terminal BLOB
) STRICT;

-- What neighbours have told of their redemptions. No part of the journal, and never claimed.
CREATE TABLE neighbour_use(
    office INTEGER NOT NULL,
    terminal BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    handle BLOB NOT NULL,
    benefit INTEGER NOT NULL,
    service TEXT NOT NULL,
    day INTEGER NOT NULL,
    units INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    lesson_start INTEGER,
    lesson_end INTEGER,
    slot_day INTEGER NOT NULL,
    slot BLOB NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (office, terminal, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX neighbour_use_by_slot ON neighbour_use(slot_day, slot) WHERE cancelled = 0;
CREATE INDEX neighbour_use_by_child ON neighbour_use(handle, day) WHERE cancelled = 0;
-- What was cancelled since, which neighbours are told.
CREATE INDEX redemption_by_cancellation ON redemption(cancelled_by) WHERE cancelled_by IS NOT NULL;

-- The terminal that continues this one's journal, as the office says: this box was replaced.
ALTER TABLE office ADD COLUMN successor BLOB;

-- Whether a token is bound to a phone: its number and its chips open nothing.
ALTER TABLE token ADD COLUMN phone INTEGER NOT NULL DEFAULT 0;
-- The moment of the latest phone code of a token with which something was recorded: this one and older ones buy nothing more.
CREATE TABLE phone_code(token BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX phone_code_by_age ON phone_code(at);

-- Of the ends of cards only those that are still to be read are looked for by their own; all others are read together.
DROP INDEX token_by_end;
CREATE INDEX token_unread ON token(number) WHERE last_day IS NULL;

-- Answers given, in the order of giving: a meal's answer goes to the end, and only its id has a place of its own. The oldest stand first, so
-- that forgetting them needs no index of times.
ALTER TABLE ask RENAME TO asked_before;
CREATE TABLE ask(
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    request BLOB NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO ask(id, request, answer, at) SELECT id, request, answer, at FROM asked_before ORDER BY at;
DROP TABLE asked_before;
CREATE UNIQUE INDEX ask_by_id ON ask(id);

-- What can be used once is in live use at most once. A slot is of one child (formats § 4), so one index finds a child's uses and a slot, and a
-- meal writes one page less. Its day is the service day, the first of its month, or 0 for what knows no day.
DROP INDEX redemption_by_child;
DROP INDEX live_slot;
CREATE UNIQUE INDEX child_slot ON redemption(handle, slot_day, slot) WHERE cancelled_by IS NULL;
