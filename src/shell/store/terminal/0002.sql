-- What people set on this box: its name, language, PINs, how long it stays unlocked.
CREATE TABLE setting(
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Browsers of other devices of the house that were paired, by the hash of the secret they hold.
CREATE TABLE device(
    hash BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    paired_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- At which device an entry was made. No part of the journal, and never told to anybody outside.
CREATE TABLE entered_at(
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

-- The people of this provider's own lists, by name. They never leave this box but in its own lists and files. A person is joined to a
-- child's cards at the first scan; one who pays for himself has no card, only a chip.
CREATE TABLE person(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    number TEXT NOT NULL DEFAULT '',
    list TEXT NOT NULL DEFAULT '',
    pays_self INTEGER NOT NULL DEFAULT 0,
    office INTEGER,
    handle BLOB,
    added_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX person_by_child ON person(office, handle) WHERE handle IS NOT NULL;

-- Chips of people of these lists, by the same keyed hash as other chips: of those who pay for themselves, and of those whose card will
-- be scanned later.
CREATE TABLE person_chip(
    hash BLOB PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX chip_by_person ON person_chip(person);

-- What people who pay for themselves took: counted here, never claimed. No part of the journal.
CREATE TABLE pickup(
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE,
    service TEXT NOT NULL,
    day INTEGER NOT NULL,
    at INTEGER NOT NULL,
    by_list TEXT,
    entered_at TEXT,
    cancelled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX pickup_once ON pickup(day, service, person) WHERE cancelled = 0;
CREATE INDEX pickup_by_person ON pickup(person);

-- Redemptions for which nobody showed a card, and why: forgotten, or many ticked in one go. Known only here.
CREATE TABLE by_list(
    seq INTEGER PRIMARY KEY,
    reason TEXT NOT NULL
) STRICT;

-- Rows of other systems' files that were taken, by a keyed hash of what they say: a file taken twice books nothing twice.
CREATE TABLE taken_row(
    hash BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is claimed every month by itself, registered by one scan: a membership, or a monthly flat.
CREATE TABLE standing(
    id INTEGER PRIMARY KEY,
    office INTEGER NOT NULL,
    handle BLOB NOT NULL,
    service TEXT NOT NULL,
    cents INTEGER,
    first_month INTEGER NOT NULL,
    last_month INTEGER,
    added_at INTEGER NOT NULL
) STRICT;
CREATE INDEX standing_by_child ON standing(office, handle);

-- Which months of it were claimed, by which entry; without one, why not.
CREATE TABLE standing_month(
    standing INTEGER NOT NULL REFERENCES standing(id) ON DELETE CASCADE,
    month INTEGER NOT NULL,
    seq INTEGER,
    reason TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (standing, month)
) STRICT, WITHOUT ROWID;

-- Days on which a child with a monthly flat was away.
CREATE TABLE absence(
    standing INTEGER NOT NULL REFERENCES standing(id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (standing, day)
) STRICT, WITHOUT ROWID;

-- Index of begun lessons: what is open, and by which redemption it ended. Who began it and that it was given up are known only here.
CREATE TABLE lesson(
    seq INTEGER PRIMARY KEY,
    office INTEGER NOT NULL,
    handle BLOB NOT NULL,
    service TEXT NOT NULL,
    day INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    ended_by INTEGER,
    operator TEXT,
    given_up INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX lesson_open ON lesson(handle, day) WHERE ended_by IS NULL AND given_up = 0;
CREATE INDEX lesson_by_end ON lesson(ended_by) WHERE ended_by IS NOT NULL;

-- Lines that an office reduced or rejected and that people here have dealt with, up to which answer.
CREATE TABLE returned(
    seq INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Whose held entry it is, where a card said so: it is made up for when a card of that child allows it.
ALTER TABLE held ADD COLUMN office INTEGER;
ALTER TABLE held ADD COLUMN handle BLOB;
-- The charge under which it is claimed, where it has one: it stays the same on a restored box, and so does the slot.
ALTER TABLE held ADD COLUMN charge TEXT;
-- The redemption whose price this is the rest of: with it, the rest is void.
ALTER TABLE held ADD COLUMN rest_of INTEGER;
-- Whether a person has cancelled what it had become: then it does not become that again by itself.
ALTER TABLE held ADD COLUMN reopened INTEGER NOT NULL DEFAULT 0;
CREATE INDEX held_by_child ON held(handle) WHERE settled_by IS NULL;

-- When days were closed, which is asked of every day that is looked at.
CREATE INDEX closings ON journal(at) WHERE kind = 8;

-- Index of advices: which transfer pays how much of which line.
CREATE TABLE paid(
    seq INTEGER NOT NULL,
    end_to_end_id TEXT NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (seq, end_to_end_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX paid_by_transfer ON paid(end_to_end_id, seq);
CREATE INDEX payment_by_transfer ON payment(end_to_end_id);
-- What came back.
CREATE INDEX advised_returned ON advised(seq) WHERE verdict IN (2, 3);

-- What a card says of itself, so that those that end soon are found without opening all: its last day, its place in the status list.
ALTER TABLE token ADD COLUMN last_day INTEGER;
ALTER TABLE token ADD COLUMN place INTEGER;
CREATE INDEX token_by_end ON token(last_day);
