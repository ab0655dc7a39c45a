-- Settlement: what a clerk drew up, returned payments, repayments, bank files.

-- What the clerk chose, as `settle::selection` writes it; empty for all.
ALTER TABLE run ADD COLUMN selection TEXT NOT NULL DEFAULT '';

-- What is decided, or decided anew, since it was last settled: the page reads these alone, whatever the size of the ledger. A query must
-- repeat the condition word for word to be served by them.
CREATE INDEX line_payable ON line (provider, benefit, month, run, verdict, decided, settled)
    WHERE verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0));
CREATE INDEX cancellation_payable ON cancellation (terminal, seq)
    WHERE verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0));

-- Every line of a run exactly as it was signed; statements are made of it.
CREATE TABLE drawn_line (
    run INTEGER NOT NULL REFERENCES run,
    provider INTEGER NOT NULL,
    terminal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    total INTEGER NOT NULL,
    already INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    reason TEXT,
    PRIMARY KEY (run, provider, terminal, seq)
) WITHOUT ROWID;

-- Every provider of a run with the account and sum that were signed; a sum below zero is carried over.
CREATE TABLE run_provider (
    run INTEGER NOT NULL REFERENCES run,
    provider INTEGER NOT NULL,
    name TEXT NOT NULL,
    iban TEXT NOT NULL,
    lines INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (run, provider)
) WITHOUT ROWID;
CREATE INDEX run_provider_carried ON run_provider (provider, run) WHERE cents < 0;

CREATE INDEX payment_by_run ON payment (run, provider);
-- The civil day and the time at which it was noted that a payment came back.
ALTER TABLE payment ADD COLUMN returned_on INTEGER;
ALTER TABLE payment ADD COLUMN returned_at INTEGER;
CREATE INDEX payment_returned ON payment (provider) WHERE returned IS NOT NULL;

-- What a returned payment takes back from its lines: at most once a payment and line.
CREATE TABLE returned_line (
    end_to_end_id TEXT NOT NULL REFERENCES payment,
    terminal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    PRIMARY KEY (end_to_end_id, terminal, seq)
) WITHOUT ROWID;

-- A clerk looked at a provider's account: after a return for the account's sake nothing is paid before that.
CREATE TABLE account_check (provider INTEGER NOT NULL, iban TEXT NOT NULL, at INTEGER NOT NULL, clerk TEXT NOT NULL, PRIMARY KEY (provider, at)) WITHOUT ROWID;

-- Money a provider paid back by himself, noted by one clerk and confirmed by another; below zero where one that was confirmed by mistake is
-- taken back, whose number is in `undoes`. Before it is confirmed it changes nothing. `settled` is what runs have netted of it. Numbers are never
-- given twice.
CREATE TABLE repayment (
    id INTEGER PRIMARY KEY,
    provider INTEGER NOT NULL REFERENCES provider,
    cents INTEGER NOT NULL,
    day INTEGER NOT NULL,
    note TEXT NOT NULL,
    clerk TEXT NOT NULL,
    at INTEGER NOT NULL,
    second TEXT,
    second_at INTEGER,
    settled INTEGER NOT NULL DEFAULT 0,
    undoes INTEGER REFERENCES repayment
);
CREATE UNIQUE INDEX repayment_undone ON repayment (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX repayment_open ON repayment (provider) WHERE settled <> cents;

-- Every repayment of a run exactly as it was signed.
CREATE TABLE drawn_repayment (
    run INTEGER NOT NULL REFERENCES run,
    provider INTEGER NOT NULL,
    repayment INTEGER NOT NULL REFERENCES repayment,
    total INTEGER NOT NULL,
    already INTEGER NOT NULL,
    PRIMARY KEY (run, provider, repayment)
) WITHOUT ROWID;

-- What a returned payment gives back of repayments it had netted.
CREATE TABLE returned_repayment (
    end_to_end_id TEXT NOT NULL REFERENCES payment,
    repayment INTEGER NOT NULL REFERENCES repayment,
    cents INTEGER NOT NULL,
    PRIMARY KEY (end_to_end_id, repayment)
) WITHOUT ROWID;

-- Bank files taken in; the same bytes are known again.
CREATE TABLE bank_file (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    clerk TEXT NOT NULL,
    kind TEXT NOT NULL,
    booked INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    known INTEGER NOT NULL,
    others INTEGER NOT NULL,
    unclear INTEGER NOT NULL
);
