-- Phones of a child: each has a key of its own, and a token for every approval that runs. `removed` is when a clerk took it out.
CREATE TABLE phone (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    child INTEGER NOT NULL REFERENCES child,
    added INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    removed INTEGER,
    why TEXT
);
CREATE INDEX phone_by_child ON phone (child);

-- Invitations for a phone. Of the one-time code only its hash is kept; who was invited is the child alone.
CREATE TABLE phone_invitation (
    code BLOB PRIMARY KEY,
    child INTEGER NOT NULL REFERENCES child,
    made INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    phone INTEGER REFERENCES phone
) WITHOUT ROWID;
CREATE INDEX phone_invitation_by_child ON phone_invitation (child);

-- The phone a token is bound to; none for cards.
ALTER TABLE token ADD COLUMN phone INTEGER REFERENCES phone;
CREATE INDEX token_by_phone ON token (phone) WHERE phone IS NOT NULL;

-- Of a line seen as a phone code: another line of that token with the same moment.
CREATE INDEX line_by_proof ON line (token, proof_at) WHERE proof_at IS NOT NULL;
