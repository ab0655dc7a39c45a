-- The ledger's lines without foreign keys, which look four times a line where a batch names the same few rows: `lines::insert_all` writes only
-- what was looked up in its transaction, and triggers (one is in speed.sql) keep what lines belong to. A line is to be advised when it is decided.
CREATE TABLE line_anew (
    terminal INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    child INTEGER NOT NULL,
    token INTEGER NOT NULL,
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
    advise INTEGER NOT NULL DEFAULT 0,
    -- Of a line seen as a phone code: the code's moment, which no other line of that token may have, and whether its proof fails.
    proof_at INTEGER,
    unproved INTEGER NOT NULL DEFAULT 0,
    -- Whether the token is another child's than the line.
    borrowed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (terminal, seq)
) WITHOUT ROWID;
INSERT INTO line_anew SELECT terminal, seq, batch, child, token, provider, month, day, at, not_before, benefit, service, units, cents, full_price, slot_day,
    slot, seen_as, status_issued, data_age, operator, lesson_start, lesson_end, charge, settles, hash, cancelled_by, verdict, decided, reason,
    against_terminal, against_seq, holds, settled, run, advise, NULL, 0, child <> (SELECT t.child FROM token t WHERE t.id = line.token) FROM line;
DROP TABLE line;
ALTER TABLE line_anew RENAME TO line;
CREATE UNIQUE INDEX ledger_slot ON line (slot_day, slot) WHERE holds = 1;
CREATE INDEX line_by_child ON line (month, child);
-- A token's lines are found by its child; what is left are those of other children.
CREATE INDEX line_with_borrowed_token ON line (token) WHERE borrowed = 1;
CREATE INDEX line_to_advise ON line (batch) WHERE advise = 1;
CREATE INDEX line_by_tutor ON line (day, provider) WHERE lesson_start IS NOT NULL;

CREATE TRIGGER line_still_belongs AFTER UPDATE OF token, child, borrowed, batch, terminal ON line
    WHEN NOT EXISTS (SELECT 1 FROM token WHERE id = NEW.token) OR NOT EXISTS (SELECT 1 FROM child WHERE id = NEW.child)
        OR NEW.borrowed <> (NEW.child <> (SELECT child FROM token WHERE id = NEW.token)) OR NOT EXISTS (SELECT 1 FROM batch WHERE id = NEW.batch) OR NOT EXISTS (SELECT 1 FROM terminal WHERE id = NEW.terminal)
BEGIN SELECT RAISE(ABORT, 'a line would belong to something that is not there'); END;
CREATE TRIGGER no_line_of_token BEFORE DELETE ON token WHEN EXISTS (SELECT 1 FROM line WHERE token = OLD.id AND borrowed = 1)
BEGIN SELECT RAISE(ABORT, 'a line would belong to something that is not there'); END;
CREATE TRIGGER no_line_of_terminal BEFORE DELETE ON terminal WHEN EXISTS (SELECT 1 FROM line WHERE terminal = OLD.id)
BEGIN SELECT RAISE(ABORT, 'a line would belong to something that is not there'); END;
CREATE TRIGGER batch_stays BEFORE DELETE ON batch
BEGIN SELECT RAISE(ABORT, 'a batch that was received stays'); END;
