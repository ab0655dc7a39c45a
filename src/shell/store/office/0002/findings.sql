-- Findings: questions to providers, calendars by site and type, patterns.

-- Lines that wait for a clerk, few among many: equal cases lie together, in the order in which they are looked at. All that groups are made
-- of is in it, the verdict too, for else SQLite looks each line up.
CREATE INDEX line_waiting ON line (reason, provider, service, day, terminal, seq, cents, units, against_terminal, against_seq, verdict)
    WHERE verdict = 0 AND reason IS NOT NULL;
-- What the finding was when a clerk ruled: a question to the provider takes its place on the line.
ALTER TABLE ruling ADD COLUMN about TEXT;
