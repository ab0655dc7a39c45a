-- Which version of the trust list a terminal held when it last asked: a key may follow once all have heard of it.
ALTER TABLE terminal ADD COLUMN trust_version INTEGER NOT NULL DEFAULT 0;
