-- Who is signed in, or half-way there, whichever process is asked. Each is known by the hash of a secret that only the browser has.
-- caller: the hash of its network and program. pending: the secret of one-time codes that are being set up, encrypted for the office.
CREATE TABLE session (
    key BLOB PRIMARY KEY,
    clerk TEXT NOT NULL,
    stage INTEGER NOT NULL,
    code_shown INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    caller BLOB NOT NULL,
    begun INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    pending BLOB
) WITHOUT ROWID;
CREATE INDEX session_by_seen ON session (seen);
-- What is under way between two requests of one browser, known by the hash of a secret of its own; each is taken once.
CREATE TABLE ceremony (
    key BLOB PRIMARY KEY,
    begun INTEGER NOT NULL,
    what TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ceremony_by_begun ON ceremony (begun);
-- Who has tried to sign in of late, by the hash of name or address; at: the times.
CREATE TABLE attempt (
    key BLOB PRIMARY KEY,
    at TEXT NOT NULL,
    last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX attempt_by_last ON attempt (last);
-- Long work, for whom asks another process than the one that does it. state: how far it is, as JSON; beat: when its process last said so.
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    clerk TEXT NOT NULL,
    state TEXT NOT NULL,
    beat INTEGER NOT NULL
);
