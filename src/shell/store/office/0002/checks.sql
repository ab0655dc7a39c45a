-- Providers' kinds and sites, their calendars, changes of accounts, retired terminals, waiting batches, unusual patterns.
ALTER TABLE provider ADD COLUMN kind TEXT NOT NULL DEFAULT 'other';
ALTER TABLE provider ADD COLUMN contact TEXT NOT NULL DEFAULT '';
-- A place of a provider with days of its own; a terminal stands at one of them or at none.
CREATE TABLE site (provider INTEGER NOT NULL REFERENCES provider, name TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (provider, name)) WITHOUT ROWID;
ALTER TABLE terminal ADD COLUMN site TEXT;
ALTER TABLE terminal ADD COLUMN retired INTEGER;
-- A row of the calendar is for all, for a kind, for a provider or for one of its sites; `name` says what the days are.
ALTER TABLE calendar ADD COLUMN kind TEXT;
ALTER TABLE calendar ADD COLUMN site TEXT;
ALTER TABLE calendar ADD COLUMN name TEXT NOT NULL DEFAULT '';
-- An account that a clerk entered and no second one has confirmed: nothing is paid there yet.
CREATE TABLE iban_change (provider INTEGER PRIMARY KEY REFERENCES provider, iban TEXT NOT NULL, clerk TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
-- No account of the provider was ever confirmed: nothing is paid to it before the first one is.
ALTER TABLE provider ADD COLUMN account_open INTEGER NOT NULL DEFAULT 0;
-- Further lines of descent of a journal that did not continue what the office holds, taken over by a clerk. Their lines stand in the
-- ledger under numbers with the line's number above bit 40.
CREATE TABLE descent (
    terminal INTEGER NOT NULL REFERENCES terminal,
    number INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    head_link BLOB NOT NULL,
    checkpoint_at INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (terminal, number)
) WITHOUT ROWID;
-- What became of a batch that waited: taken, descent, rejected or covered.
CREATE TABLE batch_decision (
    batch INTEGER PRIMARY KEY REFERENCES batch,
    choice TEXT NOT NULL,
    note TEXT NOT NULL,
    clerk TEXT NOT NULL,
    at INTEGER NOT NULL,
    lost_from INTEGER,
    lost_to INTEGER
);
-- Counter-records of lines among entries that were given up for lost, by the hash of the line's entry: they wait for it to turn up.
CREATE TABLE cancellation_early (
    terminal INTEGER NOT NULL REFERENCES terminal,
    entry BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (terminal, entry)
) WITHOUT ROWID;
CREATE INDEX batch_waits ON batch (terminal, first_seq) WHERE reason IS NOT NULL;
-- Batches that did not count at all; their sender keeps them.
CREATE TABLE refused_batch (
    hash BLOB PRIMARY KEY,
    terminal INTEGER NOT NULL REFERENCES terminal,
    reason TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    times INTEGER NOT NULL,
    seen_by TEXT
) WITHOUT ROWID;
-- What is unusual in a provider's month, and what a clerk said to it. No line waits for it.
CREATE TABLE pattern (
    provider INTEGER NOT NULL REFERENCES provider,
    month INTEGER NOT NULL,
    kind TEXT NOT NULL,
    part INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    usual INTEGER NOT NULL,
    answer TEXT,
    note TEXT,
    clerk TEXT,
    answered INTEGER,
    PRIMARY KEY (provider, month, kind)
) WITHOUT ROWID;
CREATE INDEX pattern_open ON pattern (month, provider) WHERE answer IS NULL;
-- How many redemptions a month had when it was last looked through.
CREATE TABLE pattern_month (month INTEGER PRIMARY KEY, lines INTEGER NOT NULL) WITHOUT ROWID;
-- From where on something is unusual, in force for the months that begin on or after a day.
CREATE TABLE pattern_limit (
    from_day INTEGER PRIMARY KEY,
    forgotten_percent INTEGER NOT NULL,
    typed_percent INTEGER NOT NULL,
    fewest INTEGER NOT NULL,
    present_days INTEGER NOT NULL,
    present_children INTEGER NOT NULL,
    weekend_meals INTEGER NOT NULL,
    seconds_apart INTEGER NOT NULL
) WITHOUT ROWID;
