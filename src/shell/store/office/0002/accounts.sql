-- What a clerk may do: names of roles with blanks between.
ALTER TABLE clerk ADD COLUMN roles TEXT NOT NULL DEFAULT 'issue reconcile release admin';
