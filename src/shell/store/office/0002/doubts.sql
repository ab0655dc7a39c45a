-- What a bank said that does not fit, until a clerk has closed it; the same said again is the same doubt. `cents` and `day` are what the
-- bank said, `reason` its code where it says that money came back; `run` alone where it speaks of a whole order.
CREATE TABLE bank_doubt (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run,
    end_to_end_id TEXT REFERENCES payment,
    kind TEXT NOT NULL,
    cents INTEGER,
    day INTEGER,
    reason TEXT,
    at INTEGER NOT NULL,
    note TEXT,
    clerk TEXT,
    closed INTEGER
);
CREATE UNIQUE INDEX bank_doubt_once ON bank_doubt (run, coalesce(end_to_end_id, ''), kind, coalesce(cents, 0), coalesce(day, 0));
CREATE INDEX bank_doubt_open ON bank_doubt (id) WHERE closed IS NULL;

-- Who said that a payment came back: rejected (status report), returned (account statement), by_hand (a clerk).
-- by_hand also where the clerk took that back and the bank has said nothing of a return.
ALTER TABLE payment ADD COLUMN returned_how TEXT;
-- A clerk found that it was paid all the same: what is said of a return up to this day changes nothing.
ALTER TABLE payment ADD COLUMN stays_until INTEGER;
