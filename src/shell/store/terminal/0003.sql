-- What stands in the place of an entry whose bytes were erased: their SHA-256. Its number, time, kind and link stay.
ALTER TABLE journal ADD COLUMN erased BLOB;
ALTER TABLE earlier_journal ADD COLUMN erased BLOB;
-- The terminal that continues this one's journal, as the office says: this box was replaced.
ALTER TABLE office ADD COLUMN successor BLOB;
