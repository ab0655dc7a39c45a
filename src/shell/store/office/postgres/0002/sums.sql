-- Sums kept beside the lines, as SQLite's speed.sql says what they mean. Those of new lines are added up by counted.rs, as in a file.
CREATE VIEW line_counted AS
    SELECT (l.run IS NULL)::int::bigint AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis,
           (l.cancelled_by IS NOT NULL)::int::bigint AS kind,
           CASE WHEN l.verdict = 0 AND l.reason IS NULL THEN 4 ELSE l.verdict END AS state, l.units, l.cents AS claimed, l.decided,
           coalesce(l.settled, 0) AS settled, l.terminal, l.seq, l.child, l.token, l.borrowed, NULL::bigint AS target
    FROM line l;
CREATE VIEW cancellation_counted AS
    SELECT (x.run IS NULL)::int::bigint AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis,
           2::bigint AS kind,
           CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END AS state, l.units, -l.cents AS claimed, x.decided,
           coalesce(x.settled, 0) AS settled, x.terminal, x.seq, l.child, l.token, l.borrowed, x.target
    FROM cancellation x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target;
CREATE FUNCTION line_summed_no_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, -count(*), -sum(units), -sum(claimed), -sum(decided), -sum(settled)
        FROM (SELECT (x.run IS NULL)::int AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis, 2 AS kind,
                  CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END AS state, l.units, -l.cents AS claimed, x.decided,
                  coalesce(x.settled, 0) AS settled
              FROM old_lines l JOIN cancellation x ON x.terminal = l.terminal AND x.target = l.seq) c GROUP BY open, month, benefit, provider, basis, kind, state
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sum(n), sum(n * units), sum(n * claimed), sum(n * decided), sum(n * settled)
        FROM (SELECT n, (l.run IS NULL)::int AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis, (l.cancelled_by IS NOT NULL)::int AS kind,
                  CASE WHEN l.verdict = 0 AND l.reason IS NULL THEN 4 ELSE l.verdict END AS state, l.units, l.cents AS claimed, l.decided,
                  coalesce(l.settled, 0) AS settled
              FROM (SELECT -1 AS n, * FROM old_lines) l) c GROUP BY open, month, benefit, provider, basis, kind, state
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO batch_sum AS s (batch, lines, pending, claimed, decided, settled) SELECT batch, sum(n), sum(n * (verdict = 0)::int), sum(n * cents), sum(n * decided), sum(n * coalesce(settled, 0)) FROM (SELECT -1 AS n, * FROM old_lines) l GROUP BY batch
        ON CONFLICT (tenant, batch) DO UPDATE SET lines = s.lines + excluded.lines, pending = s.pending + excluded.pending,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO child_sum AS s (month, benefit, child, basis, lines) SELECT month, benefit, child, basis, sum(n) FROM (SELECT l.month, l.benefit, l.child, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis,
                  n * (l.cancelled_by IS NULL)::int AS n FROM (SELECT -1 AS n, * FROM old_lines) l) c GROUP BY month, benefit, child, basis
        ON CONFLICT (tenant, month, benefit, child, basis) DO UPDATE SET lines = s.lines + excluded.lines;
    RETURN NULL;
END $$;
CREATE TRIGGER line_summed_no_more AFTER DELETE ON line REFERENCING OLD TABLE AS old_lines FOR EACH STATEMENT EXECUTE FUNCTION line_summed_no_more();
-- A row at a time: with the rows of a whole statement to look at, the server would keep a copy of each, and most updates of lines change no sum.
-- What decides or settles many lines writes the sums itself, and says so meanwhile (counted.rs).
CREATE FUNCTION line_summed_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled)
        SELECT open, month, benefit, provider, basis, kind, state, sum(n), sum(n * units), sum(n * claimed), sum(n * decided), sum(n * settled)
        FROM (VALUES (-1, (OLD.run IS NULL)::int::bigint, OLD.month, OLD.benefit, OLD.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = OLD.token), (SELECT c.legal_basis FROM child c WHERE c.id = OLD.child), ''), (OLD.cancelled_by IS NOT NULL)::int::bigint,
                  CASE WHEN OLD.verdict = 0 AND OLD.reason IS NULL THEN 4 ELSE OLD.verdict END, OLD.units, OLD.cents, OLD.decided, coalesce(OLD.settled, 0)),
                 (1, (NEW.run IS NULL)::int::bigint, NEW.month, NEW.benefit, NEW.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = NEW.token), (SELECT c.legal_basis FROM child c WHERE c.id = NEW.child), ''), (NEW.cancelled_by IS NOT NULL)::int::bigint,
                  CASE WHEN NEW.verdict = 0 AND NEW.reason IS NULL THEN 4 ELSE NEW.verdict END, NEW.units, NEW.cents, NEW.decided, coalesce(NEW.settled, 0))) AS c (n, open, month, benefit, provider, basis, kind, state, units, claimed, decided, settled)
        GROUP BY open, month, benefit, provider, basis, kind, state HAVING sum(n) <> 0 OR sum(n * units) <> 0 OR sum(n * claimed) <> 0 OR sum(n * decided) <> 0 OR sum(n * settled) <> 0
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO batch_sum AS s (batch, lines, pending, claimed, decided, settled)
        SELECT batch, sum(n), sum(n * pending), sum(n * claimed), sum(n * decided), sum(n * settled)
        FROM (VALUES (-1, OLD.batch, (OLD.verdict = 0)::int, OLD.cents, OLD.decided, coalesce(OLD.settled, 0)),
                  (1, NEW.batch, (NEW.verdict = 0)::int, NEW.cents, NEW.decided, coalesce(NEW.settled, 0))) AS c (n, batch, pending, claimed, decided, settled)
        GROUP BY batch
        ON CONFLICT (tenant, batch) DO UPDATE SET lines = s.lines + excluded.lines, pending = s.pending + excluded.pending,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    IF (OLD.cancelled_by IS NULL, OLD.month, OLD.benefit, OLD.child, OLD.token) IS DISTINCT FROM (NEW.cancelled_by IS NULL, NEW.month, NEW.benefit, NEW.child, NEW.token) THEN
        INSERT INTO child_sum AS s (month, benefit, child, basis, lines)
            SELECT month, benefit, child, basis, sum(n)
            FROM (VALUES (-1 * (OLD.cancelled_by IS NULL)::int, OLD.month, OLD.benefit, OLD.child, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = OLD.token), (SELECT c.legal_basis FROM child c WHERE c.id = OLD.child), '')),
                      (1 * (NEW.cancelled_by IS NULL)::int, NEW.month, NEW.benefit, NEW.child, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = NEW.token), (SELECT c.legal_basis FROM child c WHERE c.id = NEW.child), ''))) AS c (n, month, benefit, child, basis)
            GROUP BY month, benefit, child, basis
            ON CONFLICT (tenant, month, benefit, child, basis) DO UPDATE SET lines = s.lines + excluded.lines;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER line_summed_anew AFTER UPDATE OF run, verdict, reason, decided, settled, cancelled_by, month, benefit, provider, child, token, cents, units, batch ON line FOR EACH ROW
    WHEN (current_setting('teilhabe.apart', true) IS DISTINCT FROM 'on'
        AND (OLD.run, OLD.verdict, OLD.reason, OLD.decided, OLD.settled, OLD.cancelled_by, OLD.month, OLD.benefit, OLD.provider, OLD.child, OLD.token, OLD.cents, OLD.units, OLD.batch) IS DISTINCT FROM
            (NEW.run, NEW.verdict, NEW.reason, NEW.decided, NEW.settled, NEW.cancelled_by, NEW.month, NEW.benefit, NEW.provider, NEW.child, NEW.token, NEW.cents, NEW.units, NEW.batch))
    EXECUTE FUNCTION line_summed_anew();
CREATE FUNCTION cancellation_summed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sum(n), sum(n * units), sum(n * claimed), sum(n * decided), sum(n * settled)
        FROM (SELECT n, (x.run IS NULL)::int AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis, 2 AS kind,
                  CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END AS state, l.units, -l.cents AS claimed, x.decided,
                  coalesce(x.settled, 0) AS settled
              FROM (SELECT 1 AS n, * FROM new_records) x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target) c GROUP BY open, month, benefit, provider, basis, kind, state 
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    RETURN NULL;
END $$;
CREATE TRIGGER cancellation_summed AFTER INSERT ON cancellation REFERENCING NEW TABLE AS new_records FOR EACH STATEMENT EXECUTE FUNCTION cancellation_summed();
CREATE FUNCTION cancellation_summed_no_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sum(n), sum(n * units), sum(n * claimed), sum(n * decided), sum(n * settled)
        FROM (SELECT n, (x.run IS NULL)::int AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis, 2 AS kind,
                  CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END AS state, l.units, -l.cents AS claimed, x.decided,
                  coalesce(x.settled, 0) AS settled
              FROM (SELECT -1 AS n, * FROM old_records) x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target) c GROUP BY open, month, benefit, provider, basis, kind, state 
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    RETURN NULL;
END $$;
CREATE TRIGGER cancellation_summed_no_more AFTER DELETE ON cancellation REFERENCING OLD TABLE AS old_records FOR EACH STATEMENT EXECUTE FUNCTION cancellation_summed_no_more();
CREATE FUNCTION cancellation_summed_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sum(n), sum(n * units), sum(n * claimed), sum(n * decided), sum(n * settled)
        FROM (SELECT n, (x.run IS NULL)::int AS open, l.month, l.benefit, l.provider, coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis, 2 AS kind,
                  CASE WHEN x.verdict = 0 AND x.reason IS NULL THEN 4 ELSE x.verdict END AS state, l.units, -l.cents AS claimed, x.decided,
                  coalesce(x.settled, 0) AS settled
              FROM (SELECT -1 AS n, * FROM old_records UNION ALL SELECT 1, * FROM new_records) x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target) c GROUP BY open, month, benefit, provider, basis, kind, state HAVING sum(n) <> 0 OR sum(n * units) <> 0 OR sum(n * claimed) <> 0 OR sum(n * decided) <> 0 OR sum(n * settled) <> 0
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    RETURN NULL;
END $$;
CREATE TRIGGER cancellation_summed_anew AFTER UPDATE ON cancellation REFERENCING OLD TABLE AS old_records NEW TABLE AS new_records FOR EACH STATEMENT
    WHEN (current_setting('teilhabe.apart', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION cancellation_summed_anew();
-- The legal basis of a line is that of the approval its token was made from, else its child's: subtracted under the old, added under the new.
CREATE FUNCTION basis_of_child_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE sign int := TG_ARGV[0]::int;
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sign * count(*), sign * sum(units), sign * sum(claimed), sign * sum(decided), sign * sum(settled)
        FROM (SELECT * FROM line_counted l WHERE l.child = OLD.id AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.id) UNION ALL SELECT * FROM cancellation_counted l WHERE l.child = OLD.id AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.id)) c GROUP BY open, month, benefit, provider, basis, kind, state
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO child_sum AS s (month, benefit, child, basis, lines) SELECT month, benefit, child, basis, sign * sum((kind = 0)::int) FROM line_counted l WHERE l.child = OLD.id AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.id) GROUP BY month, benefit, child, basis
        ON CONFLICT (tenant, month, benefit, child, basis) DO UPDATE SET lines = s.lines + excluded.lines;
    RETURN NEW;
END $$;
CREATE FUNCTION basis_of_approval_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE sign int := TG_ARGV[0]::int;
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sign * count(*), sign * sum(units), sign * sum(claimed), sign * sum(decided), sign * sum(settled)
        FROM (SELECT * FROM line_counted l WHERE l.token IN (SELECT k.id FROM token k WHERE k.approval = OLD.id) AND l.borrowed = 0 AND l.child = OLD.child AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.child)
            UNION ALL SELECT * FROM line_counted l WHERE l.token IN (SELECT k.id FROM token k WHERE k.approval = OLD.id) AND l.borrowed = 1
            UNION ALL SELECT * FROM cancellation_counted l WHERE l.token IN (SELECT k.id FROM token k WHERE k.approval = OLD.id) AND l.borrowed = 0 AND l.child = OLD.child AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.child)
            UNION ALL SELECT * FROM cancellation_counted l WHERE l.token IN (SELECT k.id FROM token k WHERE k.approval = OLD.id) AND l.borrowed = 1) c GROUP BY open, month, benefit, provider, basis, kind, state
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO child_sum AS s (month, benefit, child, basis, lines) SELECT month, benefit, child, basis, sign * sum((kind = 0)::int) FROM (SELECT * FROM line_counted l WHERE l.token IN (SELECT k.id FROM token k WHERE k.approval = OLD.id) AND l.borrowed = 0 AND l.child = OLD.child AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.child)
            UNION ALL SELECT * FROM line_counted l WHERE l.token IN (SELECT k.id FROM token k WHERE k.approval = OLD.id) AND l.borrowed = 1) l GROUP BY month, benefit, child, basis
        ON CONFLICT (tenant, month, benefit, child, basis) DO UPDATE SET lines = s.lines + excluded.lines;
    RETURN NEW;
END $$;
CREATE FUNCTION basis_of_token_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE sign int := TG_ARGV[0]::int;
BEGIN
    INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled) SELECT open, month, benefit, provider, basis, kind, state, sign * count(*), sign * sum(units), sign * sum(claimed), sign * sum(decided), sign * sum(settled)
        FROM (SELECT * FROM line_counted l WHERE l.token = OLD.id AND l.borrowed = 0 AND l.child = OLD.child AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.child)
            UNION ALL SELECT * FROM line_counted l WHERE l.token = OLD.id AND l.borrowed = 1
            UNION ALL SELECT * FROM cancellation_counted l WHERE l.token = OLD.id AND l.borrowed = 0 AND l.child = OLD.child AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.child)
            UNION ALL SELECT * FROM cancellation_counted l WHERE l.token = OLD.id AND l.borrowed = 1) c GROUP BY open, month, benefit, provider, basis, kind, state
        ON CONFLICT (tenant, open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines, units = s.units + excluded.units,
            claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled;
    INSERT INTO child_sum AS s (month, benefit, child, basis, lines) SELECT month, benefit, child, basis, sign * sum((kind = 0)::int) FROM (SELECT * FROM line_counted l WHERE l.token = OLD.id AND l.borrowed = 0 AND l.child = OLD.child AND l.month IN (SELECT month FROM child_sum WHERE child = OLD.child)
            UNION ALL SELECT * FROM line_counted l WHERE l.token = OLD.id AND l.borrowed = 1) l GROUP BY month, benefit, child, basis
        ON CONFLICT (tenant, month, benefit, child, basis) DO UPDATE SET lines = s.lines + excluded.lines;
    RETURN NEW;
END $$;
CREATE TRIGGER child_subtracted BEFORE UPDATE OF legal_basis ON child FOR EACH ROW WHEN (OLD.legal_basis IS DISTINCT FROM NEW.legal_basis) EXECUTE FUNCTION basis_of_child_moved('-1');
CREATE TRIGGER child_added AFTER UPDATE OF legal_basis ON child FOR EACH ROW WHEN (OLD.legal_basis IS DISTINCT FROM NEW.legal_basis) EXECUTE FUNCTION basis_of_child_moved('1');
CREATE TRIGGER approval_subtracted BEFORE UPDATE OF legal_basis ON approval FOR EACH ROW WHEN (OLD.legal_basis IS DISTINCT FROM NEW.legal_basis) EXECUTE FUNCTION basis_of_approval_moved('-1');
CREATE TRIGGER approval_added AFTER UPDATE OF legal_basis ON approval FOR EACH ROW WHEN (OLD.legal_basis IS DISTINCT FROM NEW.legal_basis) EXECUTE FUNCTION basis_of_approval_moved('1');
CREATE TRIGGER token_subtracted BEFORE UPDATE OF approval ON token FOR EACH ROW WHEN (OLD.approval IS DISTINCT FROM NEW.approval) EXECUTE FUNCTION basis_of_token_moved('-1');
CREATE TRIGGER token_added AFTER UPDATE OF approval ON token FOR EACH ROW WHEN (OLD.approval IS DISTINCT FROM NEW.approval) EXECUTE FUNCTION basis_of_token_moved('1');
