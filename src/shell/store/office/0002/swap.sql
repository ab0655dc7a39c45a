
-- Terminals that continue the journal of an earlier one of their provider: restored from its backup onto a new box.
CREATE TABLE succession (terminal INTEGER PRIMARY KEY REFERENCES terminal, earlier INTEGER NOT NULL REFERENCES terminal, at INTEGER NOT NULL);
CREATE INDEX succession_by_earlier ON succession (earlier);

-- When a terminal last showed another state of its journal than the one it had sent: an old copy of it, or a second box with its keys.
CREATE TABLE other_state (terminal INTEGER PRIMARY KEY REFERENCES terminal, at INTEGER NOT NULL);
