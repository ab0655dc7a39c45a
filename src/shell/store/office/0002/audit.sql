-- What clerks looked up and did. Each record is chained to the one before by the hash of its content; content may be purged, its hash stays.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    clerk TEXT,
    action TEXT NOT NULL,
    object TEXT,
    detail TEXT,
    salt BLOB,
    content BLOB NOT NULL,
    link BLOB NOT NULL
);
CREATE INDEX audit_by_clerk ON audit (clerk, seq);
CREATE INDEX audit_by_object ON audit (object, seq);
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    WHEN NEW.seq <> OLD.seq OR NEW.at <> OLD.at OR NEW.action <> OLD.action OR NEW.content <> OLD.content OR NEW.link <> OLD.link
        OR NEW.clerk IS NOT NULL OR NEW.object IS NOT NULL OR NEW.detail IS NOT NULL OR NEW.salt IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
