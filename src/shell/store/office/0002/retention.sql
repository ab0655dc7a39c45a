-- Retention rules and what was purged.
-- For how many months what kind of record is kept, from a day on; never fewer than `least`. With `year_end` they begin with the end of the
-- calendar year (§ 147 (4) AO).
CREATE TABLE retention (
    kind TEXT NOT NULL,
    from_day INTEGER NOT NULL,
    months INTEGER NOT NULL,
    least INTEGER NOT NULL,
    year_end INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (kind, from_day)
) WITHOUT ROWID;
INSERT INTO retention VALUES
    ('case', 0, 48, 12, 1, '§ 84 Abs. 2 SGB X: löschen, sobald nicht mehr erforderlich; § 44 Abs. 4 SGB X: Überprüfung bis vier Jahre zurück'),
    ('entry', 0, 96, 96, 1, '§ 147 Abs. 3 AO: Buchungsbelege acht Jahre'),
    ('file', 0, 120, 120, 1, '§ 147 Abs. 3 AO: Bücher und Aufzeichnungen zehn Jahre'),
    ('act', 0, 120, 120, 1, '§ 147 Abs. 1 Nr. 1, Abs. 3 AO: Unterlagen zum Verständnis der Bücher zehn Jahre'),
    ('look', 0, 24, 6, 0, 'Art. 5 Abs. 1 lit. e, Art. 32 DSGVO: Nachweis von Zugriffen, so lange er zur Kontrolle gebraucht wird'),
    ('account', 0, 12, 1, 0, 'Art. 5 Abs. 1 lit. e DSGVO: Anmeldedaten geschlossener Konten; Name und Rollen bleiben, weil Unterschriften sie nennen'),
    ('form', 0, 3, 1, 0, 'Art. 5 Abs. 1 lit. e DSGVO: schützt nur vor doppeltem Absenden');
-- What a dry run has found; a purge carries out exactly that. State: made, running, done.
CREATE TABLE purge_plan (id INTEGER PRIMARY KEY, made INTEGER NOT NULL, made_by TEXT NOT NULL, state TEXT NOT NULL, ended INTEGER, total INTEGER NOT NULL);
CREATE TABLE purge_kind (
    plan INTEGER NOT NULL REFERENCES purge_plan,
    kind TEXT NOT NULL,
    before_day INTEGER NOT NULL,
    records INTEGER NOT NULL,
    oldest INTEGER,
    PRIMARY KEY (plan, kind)
) WITHOUT ROWID;
-- The children of the plan that is not done yet.
CREATE TABLE purge_child (child INTEGER PRIMARY KEY) WITHOUT ROWID;
-- A child and a token that stand for what remains of purged ones: one for each legal basis, so that sums stay.
ALTER TABLE child ADD COLUMN remains INTEGER NOT NULL DEFAULT 0;
-- When entries of a batch were purged: its bytes are then no signed document any more, but its content with hashes in the place of what is gone.
ALTER TABLE batch ADD COLUMN purged INTEGER;
-- Whether all of its entries were.
ALTER TABLE batch ADD COLUMN emptied INTEGER NOT NULL DEFAULT 0;
-- The SHA-256 of a file whose bytes were purged.
ALTER TABLE released_file ADD COLUMN purged BLOB;
