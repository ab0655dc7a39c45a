-- Findings: questions to providers, calendars by site and type, patterns.

-- Lines that wait for a clerk, few among many: equal cases lie together, in the order in which they are looked at.
CREATE INDEX line_waiting ON line (reason, provider, service, day, terminal, seq, cents) WHERE verdict = 0 AND reason IS NOT NULL;
-- What the finding was when a clerk ruled: a question to the provider takes its place on the line.
ALTER TABLE ruling ADD COLUMN about TEXT;
