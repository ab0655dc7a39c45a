-- The audit log only grows; what may go is the content, never the hash.
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit FOR EACH ROW
    WHEN (NEW.tenant <> OLD.tenant OR NEW.seq <> OLD.seq OR NEW.at <> OLD.at OR NEW.action <> OLD.action OR NEW.content <> OLD.content
        OR NEW.link <> OLD.link OR NEW.clerk IS NOT NULL OR NEW.object IS NOT NULL OR NEW.detail IS NOT NULL OR NEW.salt IS NOT NULL)
    EXECUTE FUNCTION audit_only_grows();

-- What is signed and hashed hardly becomes shorter: nobody tries.
ALTER TABLE batch ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- A line's terminal, batch, child and token are there: a new line's were looked up when it was made (`lines::insert_all`), and here they are kept.
-- One writer a tenant at a time, so that nothing can come in between.
CREATE FUNCTION belongs_nowhere() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE foreign_key_violation USING MESSAGE = 'a line would belong to something that is not there', CONSTRAINT = 'line_belongs', TABLE = 'line';
END $$;
CREATE FUNCTION line_still_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM token WHERE id = NEW.token) OR NOT EXISTS (SELECT 1 FROM child WHERE id = NEW.child)
        OR NEW.borrowed <> (NEW.child <> (SELECT child FROM token WHERE id = NEW.token))::int OR NOT EXISTS (SELECT 1 FROM batch WHERE id = NEW.batch) OR NOT EXISTS (SELECT 1 FROM terminal WHERE id = NEW.terminal) THEN
        PERFORM belongs_nowhere();
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER line_still_belongs AFTER UPDATE OF token, child, borrowed, batch, terminal ON line FOR EACH ROW
    WHEN ((OLD.token, OLD.child, OLD.borrowed, OLD.batch, OLD.terminal) IS DISTINCT FROM (NEW.token, NEW.child, NEW.borrowed, NEW.batch, NEW.terminal))
    EXECUTE FUNCTION line_still_belongs();
CREATE FUNCTION nothing_belonged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE found boolean;
BEGIN
    EXECUTE 'SELECT EXISTS (SELECT 1 FROM gone g JOIN line l ON ' || TG_ARGV[0] || ')' INTO found;
    IF found THEN
        PERFORM belongs_nowhere();
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER no_line_of_token AFTER DELETE ON token REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION nothing_belonged('l.token = g.id AND l.borrowed = 1');
CREATE TRIGGER no_own_line_of_token AFTER DELETE ON token REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION nothing_belonged('l.token = g.id AND l.child = g.child AND l.month IN (SELECT month FROM line_sum)');
CREATE TRIGGER no_line_of_child AFTER DELETE ON child REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
    EXECUTE FUNCTION nothing_belonged('l.child = g.id AND l.month IN (SELECT month FROM line_sum)');
CREATE TRIGGER no_line_of_batch AFTER DELETE ON batch REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION nothing_belonged('l.batch = g.id');
CREATE TRIGGER no_line_of_terminal AFTER DELETE ON terminal REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION nothing_belonged('l.terminal = g.id');

-- Every table shows and takes the rows of its tenant alone, from its owner too. The function stands in a query of its own: asked for its value while
-- it plans, the server takes a tenant that is new since its last look at the table for one without rows, and any index for as good as the right one.
DO $$
DECLARE one record;
BEGIN
    FOR one IN SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
        AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant' AND NOT a.attisdropped)
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one.name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', one.name);
        EXECUTE format('CREATE POLICY of_tenant ON %I USING (tenant = (SELECT tenant())) WITH CHECK (tenant = (SELECT tenant()))', one.name);
    END LOOP;
END $$;
