-- Whose rows these are: set by the program for its connection; without it nothing is seen and nothing can be written.
CREATE FUNCTION tenant() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('teilhabe.tenant', true), '')::bigint $$;

-- The next number of a table, counted for each tenant; one writer at a time counts (see sql/postgres.rs), as with SQLite.
CREATE FUNCTION next_number(of text, key text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE found bigint;
BEGIN
    EXECUTE format('SELECT coalesce(max(%I), 0) + 1 FROM %I', key, of) INTO found;
    RETURN found;
END $$;

-- Names of clerks and providers are one whatever their case.
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- Functions of SQLite's that statements for both stores use.
CREATE DOMAIN blob AS bytea;
CREATE FUNCTION hex(bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT upper(encode($1, 'hex')) $$;
CREATE FUNCTION instr(text, text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT strpos($1, $2)::bigint $$;
CREATE FUNCTION max(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT greatest($1, $2) $$;
CREATE FUNCTION min(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT least($1, $2) $$;
CREATE FUNCTION zeroblob(bigint) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT decode(repeat('00', $1::int), 'hex') $$;
CREATE FUNCTION randomblob(bigint) RETURNS bytea LANGUAGE sql VOLATILE STRICT PARALLEL SAFE AS $$ SELECT substring(uuid_send(gen_random_uuid()) FROM 1 FOR $1::int) $$;
CREATE FUNCTION json_each(text) RETURNS TABLE (value text) LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT jsonb_array_elements_text($1::jsonb) $$;
CREATE FUNCTION count_yes(bigint, boolean) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN $2 IS NULL THEN $1 ELSE coalesce($1, 0) + $2::int END $$;
CREATE AGGREGATE sum(boolean) (sfunc = count_yes, stype = bigint);

