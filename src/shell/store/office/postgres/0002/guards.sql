-- The audit log only grows; what may go is the content, never the hash.
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit FOR EACH ROW
    WHEN (NEW.tenant <> OLD.tenant OR NEW.seq <> OLD.seq OR NEW.at <> OLD.at OR NEW.action <> OLD.action OR NEW.content <> OLD.content
        OR NEW.link <> OLD.link OR NEW.clerk IS NOT NULL OR NEW.object IS NOT NULL OR NEW.detail IS NOT NULL OR NEW.salt IS NOT NULL)
    EXECUTE FUNCTION audit_only_grows();

-- Every table shows and takes the rows of its tenant alone, from its owner too.
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
        AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one.name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one.name);
        EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant = tenant()) WITH CHECK (tenant = tenant())', one.name);
    END LOOP;
END $$;
