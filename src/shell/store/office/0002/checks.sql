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
