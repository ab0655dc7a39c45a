-- What no rule could decide, by kind and then by day.
CREATE INDEX line_finding ON line (reason, day, terminal, seq) WHERE verdict = 0 AND reason IS NOT NULL;
CREATE INDEX line_finding_by_provider ON line (provider, reason, day) WHERE verdict = 0 AND reason IS NOT NULL;
-- What is not a meal reaches beyond its month: fees, trips and lessons of a child are always decided together.
CREATE INDEX line_beside_lunch ON line (child, month) WHERE benefit <> 1;
CREATE INDEX line_told ON line (terminal, month, child) WHERE benefit <> 1;
CREATE INDEX cancellation_by_batch ON cancellation (batch, seq);
CREATE INDEX unreadable_by_batch ON unreadable (batch, seq);
CREATE INDEX unreadable_to_advise ON unreadable (batch) WHERE advise = 1;
CREATE INDEX batch_waiting ON batch (reason, id) WHERE reason IS NOT NULL;
CREATE INDEX batch_by_provider ON batch (provider, id);
CREATE INDEX run_waiting ON run (number) WHERE state = 'signed';

-- Children whose lines must be decided (again): of these months, or of all of them (month 0).
CREATE TABLE to_decide (child INTEGER NOT NULL, month INTEGER NOT NULL, PRIMARY KEY (child, month)) WITHOUT ROWID;
INSERT INTO to_decide (child, month) SELECT child, 0 FROM dirty;
DROP TABLE dirty;
-- Children who have a line by which meals reach beyond their month: they are always decided whole (see reconcile/reach.rs).
CREATE TABLE decided_whole (child INTEGER PRIMARY KEY);
INSERT INTO decided_whole (child) SELECT DISTINCT child FROM line;

-- Sums kept beside the lines in the transaction that changes a line: by the triggers below a row at a time, by counted.rs where many lines
-- change at once (there SQLite has no trigger for a statement). `sums::verify` counts them anew.
-- kind: 0 redemption that stands, 1 redemption taken back, 2 counter-record. state: the verdict (0 finding, 1 accepted, 2 reduced,
-- 3 rejected), or 4 for what nothing has decided yet. open: 1 while it is in no released run. basis: empty where none is known.
CREATE TABLE line_sum (
    open INTEGER NOT NULL,
    month INTEGER NOT NULL,
    benefit INTEGER NOT NULL,
    provider INTEGER NOT NULL,
    basis TEXT NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    units INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    decided INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (open, month, benefit, provider, basis, kind, state)
) WITHOUT ROWID;
CREATE TABLE batch_sum (
    batch INTEGER PRIMARY KEY,
    lines INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    claimed INTEGER NOT NULL,
    decided INTEGER NOT NULL,
    settled INTEGER NOT NULL
);
-- The children of each month, benefit and legal basis, with how many of their redemptions stand.
CREATE TABLE child_sum (
    month INTEGER NOT NULL,
    benefit INTEGER NOT NULL,
    child INTEGER NOT NULL,
    basis TEXT NOT NULL,
    lines INTEGER NOT NULL,
    PRIMARY KEY (month, benefit, child, basis)
) WITHOUT ROWID;
CREATE INDEX child_sum_by_child ON child_sum (child, month);

-- While a row is in here, many lines are changed whose sums were written together (counted.rs): the triggers leave them alone.
CREATE TABLE counted_apart (mark INTEGER PRIMARY KEY);

CREATE VIEW line_counted AS
    SELECT l.run IS NULL AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis,
           l.cancelled_by IS NOT NULL AS kind,
           CASE WHEN l.verdict = 0 AND l.reason IS NULL THEN 4 ELSE l.verdict END AS state, l.units, l.cents AS claimed, l.decided,
           coalesce(l.settled, 0) AS settled, l.terminal, l.seq, l.child, l.token, l.borrowed, NULL AS target
    FROM line l;
CREATE VIEW cancellation_counted AS
    SELECT x.run IS NULL AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis,
           2 AS kind,
           CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END AS state, l.units, -l.cents AS claimed, x.decided,
           coalesce(x.settled, 0) AS settled, x.terminal, x.seq, l.child, l.token, l.borrowed, x.target
    FROM cancellation x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target;
-- All that counts of one child, read by its months.
CREATE VIEW child_counted AS
    SELECT m.child, l.token, l.open, l.month, l.benefit, l.provider, l.basis, l.kind, l.state, l.units, l.claimed, l.decided, l.settled
    FROM (SELECT DISTINCT child, month FROM child_sum) m CROSS JOIN line_counted l ON l.month = m.month AND l.child = m.child
    UNION ALL
    SELECT m.child, l.token, x.run IS NULL, l.month, l.benefit, l.provider,
           coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), ''), 2,
           CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END, l.units, -l.cents, x.decided, coalesce(x.settled, 0)
    FROM (SELECT DISTINCT child, month FROM child_sum) m CROSS JOIN line l ON l.month = m.month AND l.child = m.child
         JOIN cancellation x INDEXED BY cancellation_by_target ON x.terminal = l.terminal AND x.target = l.seq;
-- All that counts with one token that is another child's than the line.
CREATE VIEW borrowed_counted AS
    SELECT l.token, l.child, l.open, l.month, l.benefit, l.provider, l.basis, l.kind, l.state, l.units, l.claimed, l.decided, l.settled
    FROM line_counted l WHERE l.borrowed = 1
    UNION ALL
    SELECT l.token, l.child, x.run IS NULL, l.month, l.benefit, l.provider,
           coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), ''), 2,
           CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END, l.units, -l.cents, x.decided, coalesce(x.settled, 0)
    FROM line l CROSS JOIN cancellation x INDEXED BY cancellation_by_target ON x.terminal = l.terminal AND x.target = l.seq WHERE l.borrowed = 1;

INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, count(*), sum(units), sum(claimed), sum(decided), sum(settled)
    FROM (SELECT * FROM line_counted UNION ALL SELECT * FROM cancellation_counted) GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO batch_sum SELECT batch, count(*), sum(verdict = 0), sum(cents), sum(decided), sum(coalesce(settled, 0)) FROM line GROUP BY batch;
INSERT INTO child_sum SELECT month, benefit, child, basis, sum(kind = 0) FROM line_counted GROUP BY month, benefit, child, basis;

CREATE TRIGGER line_summed_no_more BEFORE DELETE ON line BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, -1, -units, -claimed, -decided, -settled
        FROM cancellation_counted WHERE terminal = OLD.terminal AND target = OLD.seq
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO line_sum VALUES
        (OLD.run IS NULL, OLD.month, OLD.benefit, OLD.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = OLD.token), (SELECT legal_basis FROM child WHERE id = OLD.child), ''),
            OLD.cancelled_by IS NOT NULL, CASE WHEN OLD.verdict = 0 AND OLD.reason IS NULL THEN 4 ELSE OLD.verdict END,
            -1, -OLD.units, -OLD.cents, -OLD.decided, -coalesce(OLD.settled, 0))
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO batch_sum VALUES (OLD.batch, -1, -(OLD.verdict = 0), -OLD.cents, -OLD.decided, -coalesce(OLD.settled, 0))
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, pending = pending + excluded.pending, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum VALUES
        (OLD.month, OLD.benefit, OLD.child, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = OLD.token), (SELECT legal_basis FROM child WHERE id = OLD.child), ''), -(OLD.cancelled_by IS NULL))
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER line_summed_anew AFTER UPDATE OF run, verdict, reason, decided, settled, cancelled_by, month, benefit, provider, child, token, cents, units, batch ON line
    WHEN NOT EXISTS (SELECT 1 FROM counted_apart)
     AND (OLD.run, OLD.verdict, OLD.reason, OLD.decided, OLD.settled, OLD.cancelled_by, OLD.month,
          OLD.benefit, OLD.provider, OLD.child, OLD.token, OLD.cents, OLD.units, OLD.batch)
        IS NOT (NEW.run, NEW.verdict, NEW.reason, NEW.decided, NEW.settled, NEW.cancelled_by, NEW.month,
          NEW.benefit, NEW.provider, NEW.child, NEW.token, NEW.cents, NEW.units, NEW.batch)
BEGIN
    INSERT INTO line_sum VALUES
        (OLD.run IS NULL, OLD.month, OLD.benefit, OLD.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = OLD.token), (SELECT legal_basis FROM child WHERE id = OLD.child), ''),
            OLD.cancelled_by IS NOT NULL, CASE WHEN OLD.verdict = 0 AND OLD.reason IS NULL THEN 4 ELSE OLD.verdict END,
            -1, -OLD.units, -OLD.cents, -OLD.decided, -coalesce(OLD.settled, 0)),
        (NEW.run IS NULL, NEW.month, NEW.benefit, NEW.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = NEW.token), (SELECT legal_basis FROM child WHERE id = NEW.child), ''),
            NEW.cancelled_by IS NOT NULL, CASE WHEN NEW.verdict = 0 AND NEW.reason IS NULL THEN 4 ELSE NEW.verdict END,
            1, NEW.units, NEW.cents, NEW.decided, coalesce(NEW.settled, 0))
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO batch_sum VALUES (OLD.batch, -1, -(OLD.verdict = 0), -OLD.cents, -OLD.decided, -coalesce(OLD.settled, 0)), (NEW.batch, 1, (NEW.verdict = 0), NEW.cents, NEW.decided, coalesce(NEW.settled, 0))
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, pending = pending + excluded.pending, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
END;
CREATE TRIGGER line_of_child_summed_anew AFTER UPDATE OF cancelled_by, month, benefit, child, token ON line
    WHEN (OLD.cancelled_by IS NULL, OLD.month, OLD.benefit, OLD.child, OLD.token)
        IS NOT (NEW.cancelled_by IS NULL, NEW.month, NEW.benefit, NEW.child, NEW.token)
BEGIN
    INSERT INTO child_sum VALUES
        (OLD.month, OLD.benefit, OLD.child, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = OLD.token), (SELECT legal_basis FROM child WHERE id = OLD.child), ''), -(OLD.cancelled_by IS NULL)),
        (NEW.month, NEW.benefit, NEW.child, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = NEW.token), (SELECT legal_basis FROM child WHERE id = NEW.child), ''), (NEW.cancelled_by IS NULL))
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER cancellation_summed AFTER INSERT ON cancellation BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, 1, units, claimed, decided, settled
        FROM cancellation_counted WHERE terminal = NEW.terminal AND seq = NEW.seq
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
END;
CREATE TRIGGER cancellation_summed_no_more BEFORE DELETE ON cancellation BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, -1, -units, -claimed, -decided, -settled
        FROM cancellation_counted WHERE terminal = OLD.terminal AND seq = OLD.seq
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
END;
CREATE TRIGGER cancellation_subtracted BEFORE UPDATE OF run, verdict, reason, decided, settled ON cancellation
    WHEN NOT EXISTS (SELECT 1 FROM counted_apart) BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, -1, -units, -claimed, -decided, -settled
        FROM cancellation_counted WHERE terminal = OLD.terminal AND seq = OLD.seq
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
END;
CREATE TRIGGER cancellation_added AFTER UPDATE OF run, verdict, reason, decided, settled ON cancellation
    WHEN NOT EXISTS (SELECT 1 FROM counted_apart) BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, 1, units, claimed, decided, settled
        FROM cancellation_counted WHERE terminal = NEW.terminal AND seq = NEW.seq
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
END;
-- The legal basis of a line is that of the approval its token was made from, else its child's.
CREATE TRIGGER basis_subtracted BEFORE UPDATE OF legal_basis ON child WHEN OLD.legal_basis IS NOT NEW.legal_basis BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, -1, -units, -claimed, -decided, -settled
        FROM child_counted WHERE child = OLD.id
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum SELECT month, benefit, child, basis, -1 FROM child_counted WHERE child = OLD.id AND kind = 0
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER basis_added AFTER UPDATE OF legal_basis ON child WHEN OLD.legal_basis IS NOT NEW.legal_basis BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, 1, units, claimed, decided, settled
        FROM child_counted WHERE child = NEW.id
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum SELECT month, benefit, child, basis, 1 FROM child_counted WHERE child = NEW.id AND kind = 0
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER approval_subtracted BEFORE UPDATE OF legal_basis ON approval WHEN OLD.legal_basis IS NOT NEW.legal_basis BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, -1, -units, -claimed, -decided, -settled
        FROM (SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM child_counted WHERE child = OLD.child AND token IN (SELECT id FROM token WHERE approval = OLD.id)
            UNION ALL SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM borrowed_counted WHERE token IN (SELECT id FROM token WHERE approval = OLD.id)) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum SELECT month, benefit, child, basis, -1 FROM (SELECT month, benefit, child, basis FROM child_counted WHERE child = OLD.child AND token IN (SELECT id FROM token WHERE approval = OLD.id) AND kind = 0
            UNION ALL SELECT month, benefit, child, basis FROM borrowed_counted WHERE token IN (SELECT id FROM token WHERE approval = OLD.id) AND kind = 0) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER approval_added AFTER UPDATE OF legal_basis ON approval WHEN OLD.legal_basis IS NOT NEW.legal_basis BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, 1, units, claimed, decided, settled
        FROM (SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM child_counted WHERE child = NEW.child AND token IN (SELECT id FROM token WHERE approval = NEW.id)
            UNION ALL SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM borrowed_counted WHERE token IN (SELECT id FROM token WHERE approval = NEW.id)) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum SELECT month, benefit, child, basis, 1 FROM (SELECT month, benefit, child, basis FROM child_counted WHERE child = NEW.child AND token IN (SELECT id FROM token WHERE approval = NEW.id) AND kind = 0
            UNION ALL SELECT month, benefit, child, basis FROM borrowed_counted WHERE token IN (SELECT id FROM token WHERE approval = NEW.id) AND kind = 0) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER token_subtracted BEFORE UPDATE OF approval ON token WHEN OLD.approval IS NOT NEW.approval BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, -1, -units, -claimed, -decided, -settled
        FROM (SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM child_counted WHERE child = OLD.child AND token = OLD.id
            UNION ALL SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM borrowed_counted WHERE token = OLD.id) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum SELECT month, benefit, child, basis, -1 FROM (SELECT month, benefit, child, basis FROM child_counted WHERE child = OLD.child AND token = OLD.id AND kind = 0
            UNION ALL SELECT month, benefit, child, basis FROM borrowed_counted WHERE token = OLD.id AND kind = 0) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
CREATE TRIGGER token_added AFTER UPDATE OF approval ON token WHEN OLD.approval IS NOT NEW.approval BEGIN
    INSERT INTO line_sum SELECT open, month, benefit, provider, basis, kind, state, 1, units, claimed, decided, settled
        FROM (SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM child_counted WHERE child = NEW.child AND token = NEW.id
            UNION ALL SELECT open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled FROM borrowed_counted WHERE token = NEW.id) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, units = units + excluded.units, claimed = claimed + excluded.claimed,
            decided = decided + excluded.decided, settled = settled + excluded.settled;
    INSERT INTO child_sum SELECT month, benefit, child, basis, 1 FROM (SELECT month, benefit, child, basis FROM child_counted WHERE child = NEW.child AND token = NEW.id AND kind = 0
            UNION ALL SELECT month, benefit, child, basis FROM borrowed_counted WHERE token = NEW.id AND kind = 0) WHERE true
        ON CONFLICT DO UPDATE SET lines = lines + excluded.lines;
END;
-- Months of which there are lines: few, and each is led by them in the index of children.
CREATE TRIGGER no_own_line_of_token BEFORE DELETE ON token
    WHEN EXISTS (SELECT 1 FROM (SELECT DISTINCT month FROM line_sum) m CROSS JOIN line l ON l.month = m.month AND l.child = OLD.child WHERE l.token = OLD.id)
BEGIN SELECT RAISE(ABORT, 'a line would belong to something that is not there'); END;
CREATE TRIGGER no_line_of_child BEFORE DELETE ON child
    WHEN EXISTS (SELECT 1 FROM (SELECT DISTINCT month FROM line_sum) m CROSS JOIN line l ON l.month = m.month AND l.child = OLD.id)
BEGIN SELECT RAISE(ABORT, 'a line would belong to something that is not there'); END;
