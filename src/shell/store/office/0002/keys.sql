-- Which version of the trust list a terminal held when it last asked: a key may follow once all have heard of it.
ALTER TABLE terminal ADD COLUMN trust_version INTEGER NOT NULL DEFAULT 0;
-- When a card was signed anew, because the key that had signed it was withdrawn: a print from before it is worth nothing.
ALTER TABLE token ADD COLUMN signed_anew INTEGER;
