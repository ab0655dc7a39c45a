-- Clerks. An account is never deleted and never renamed, so that every signature and record keeps naming one person.
-- roles: names with blanks between. factor: the secret of one-time codes, encrypted for the office. last_step: the last one used.
-- epoch: sessions begun under an earlier one are over.
CREATE TABLE account (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password TEXT NOT NULL,
    created INTEGER NOT NULL,
    roles TEXT NOT NULL DEFAULT 'issue reconcile release admin',
    must_change INTEGER NOT NULL DEFAULT 0,
    closed INTEGER,
    last_sign_in INTEGER,
    factor BLOB,
    last_step INTEGER NOT NULL DEFAULT 0,
    external TEXT UNIQUE COLLATE NOCASE,
    subject TEXT UNIQUE,
    epoch INTEGER NOT NULL DEFAULT 0
);
INSERT INTO account (name, password, created) SELECT name, password, created FROM clerk ORDER BY created;
DROP TABLE clerk;
ALTER TABLE account RENAME TO clerk;
CREATE TABLE recovery_code (clerk INTEGER NOT NULL REFERENCES clerk, hash BLOB NOT NULL, PRIMARY KEY (clerk, hash)) WITHOUT ROWID;
CREATE TABLE passkey (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    clerk INTEGER NOT NULL REFERENCES clerk,
    label TEXT NOT NULL,
    credential BLOB NOT NULL UNIQUE,
    public TEXT NOT NULL,
    created INTEGER NOT NULL,
    used INTEGER
);
CREATE INDEX passkey_by_clerk ON passkey (clerk);
-- What the page of the audit log filters by.
CREATE INDEX audit_by_clerk_and_action ON audit (clerk, action, seq);
CREATE INDEX audit_by_action ON audit (action, seq);
CREATE INDEX audit_by_time ON audit (at, seq);
