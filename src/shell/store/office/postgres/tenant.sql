-- What a new tenant begins with.
INSERT INTO retention (kind, from_day, months, least, year_end, source) VALUES
    ('case', 0, 48, 12, 1, '§ 84 Abs. 2 SGB X: löschen, sobald nicht mehr erforderlich; § 44 Abs. 4 SGB X: Überprüfung bis vier Jahre zurück'),
    ('entry', 0, 96, 96, 1, '§ 147 Abs. 3 AO: Buchungsbelege acht Jahre'),
    ('file', 0, 120, 120, 1, '§ 147 Abs. 3 AO: Bücher und Aufzeichnungen zehn Jahre'),
    ('act', 0, 120, 120, 1, '§ 147 Abs. 1 Nr. 1, Abs. 3 AO: Unterlagen zum Verständnis der Bücher zehn Jahre'),
    ('look', 0, 24, 6, 0, 'Art. 5 Abs. 1 lit. e, Art. 32 DSGVO: Nachweis von Zugriffen, so lange er zur Kontrolle gebraucht wird'),
    ('account', 0, 12, 1, 0, 'Art. 5 Abs. 1 lit. e DSGVO: Anmeldedaten geschlossener Konten; Name und Rollen bleiben, weil Unterschriften sie nennen'),
    ('form', 0, 3, 1, 0, 'Art. 5 Abs. 1 lit. e DSGVO: schützt nur vor doppeltem Absenden')
    ON CONFLICT DO NOTHING;
