-- Made by scripts/postgres_schema.py: what the columns mean is said in SQLite's scripts of this version.
CREATE TABLE setting (
    tenant bigint NOT NULL DEFAULT tenant(), name text COLLATE "C" NOT NULL, value text COLLATE "C" NOT NULL, PRIMARY KEY (tenant, name)
);
CREATE TABLE counter (
    tenant bigint NOT NULL DEFAULT tenant(), name text COLLATE "C" NOT NULL, value bigint NOT NULL, PRIMARY KEY (tenant, name)
);
CREATE TABLE child (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('child', 'id'), handle bytea NOT NULL, reference text COLLATE "C",
    legal_basis text COLLATE "C", remains bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id), UNIQUE (tenant, handle), UNIQUE (tenant, reference)
);
CREATE TABLE token (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('token', 'id'), token bytea NOT NULL, child bigint NOT NULL,
    status_index bigint, number bigint, issued bigint NOT NULL, bytes bytea, replaces bigint, approval bigint, print_run bigint, phone bigint,
    signed_anew bigint, PRIMARY KEY (tenant, id), UNIQUE (tenant, token), UNIQUE (tenant, status_index)
);
CREATE TABLE stop (
    tenant bigint NOT NULL DEFAULT tenant(), token bigint NOT NULL, status bigint NOT NULL, from_day bigint NOT NULL, until_day bigint,
    recorded bigint NOT NULL, why text COLLATE "C" NOT NULL
);
CREATE TABLE debit (
    tenant bigint NOT NULL DEFAULT tenant(), child bigint NOT NULL, benefit bigint NOT NULL, from_day bigint NOT NULL, to_day bigint NOT NULL,
    cents bigint NOT NULL, PRIMARY KEY (tenant, child, benefit, from_day, to_day, cents)
);
CREATE TABLE provider (
    tenant bigint NOT NULL DEFAULT tenant(), number bigint NOT NULL DEFAULT next_number('provider', 'number'), name text COLLATE "C" NOT NULL,
    iban text COLLATE "C" NOT NULL, changed bigint NOT NULL, kind text COLLATE "C" NOT NULL DEFAULT 'other',
    contact text COLLATE "C" NOT NULL DEFAULT '', account_open bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, number)
);
CREATE TABLE agreement (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, code text COLLATE "C" NOT NULL, benefit bigint NOT NULL,
    label text COLLATE "C" NOT NULL, pricing bigint NOT NULL, unit_minutes bigint, detail text COLLATE "C", from_day bigint NOT NULL, until_day bigint,
    PRIMARY KEY (tenant, provider, code)
);
CREATE TABLE price (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, code text COLLATE "C" NOT NULL, from_day bigint NOT NULL, cents bigint NOT NULL,
    PRIMARY KEY (tenant, provider, code, from_day)
);
CREATE TABLE calendar (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('calendar', 'id'), provider bigint, from_day bigint NOT NULL,
    to_day bigint NOT NULL, open bigint NOT NULL, kind text COLLATE "C", site text COLLATE "C", name text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id)
);
CREATE TABLE enrolment_code (
    tenant bigint NOT NULL DEFAULT tenant(), code bytea NOT NULL, secret bytea NOT NULL, provider bigint NOT NULL, expires bigint NOT NULL,
    used_by bytea, PRIMARY KEY (tenant, code)
);
CREATE TABLE terminal (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('terminal', 'id'), terminal bytea NOT NULL, key bytea NOT NULL,
    recipient text COLLATE "C" NOT NULL, label text COLLATE "C" NOT NULL, provider bigint NOT NULL, admitted bigint NOT NULL,
    credential bytea NOT NULL, credential_issued bigint NOT NULL, head_seq bigint NOT NULL, head_link bytea NOT NULL, checkpoint_at bigint NOT NULL,
    last_answer bytea, site text COLLATE "C", retired bigint, trust_version bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id),
    UNIQUE (tenant, terminal)
);
CREATE TABLE exchange (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (tenant, terminal, at)
);
CREATE TABLE batch (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('batch', 'id'), batch bytea NOT NULL, terminal bigint NOT NULL,
    provider bigint NOT NULL, first_seq bigint NOT NULL, last_seq bigint NOT NULL, created bigint NOT NULL, received bigint NOT NULL,
    hash bytea NOT NULL, bytes bytea NOT NULL, reason text COLLATE "C", receipt bytea NOT NULL, revision bigint NOT NULL DEFAULT 0, purged bigint,
    emptied bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id), UNIQUE (tenant, hash)
);
CREATE TABLE cancellation (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, seq bigint NOT NULL, batch bigint NOT NULL, target bigint NOT NULL,
    why text COLLATE "C" NOT NULL, at bigint NOT NULL, hash bytea NOT NULL, verdict bigint NOT NULL DEFAULT 0, decided bigint NOT NULL DEFAULT 0,
    reason text COLLATE "C", settled bigint, run bigint, advise bigint NOT NULL DEFAULT 1, PRIMARY KEY (tenant, terminal, seq)
);
CREATE TABLE unreadable (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, seq bigint NOT NULL, batch bigint NOT NULL, reason text COLLATE "C" NOT NULL,
    advise bigint NOT NULL DEFAULT 1, PRIMARY KEY (tenant, terminal, seq)
);
CREATE TABLE ruling (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('ruling', 'id'), terminal bigint NOT NULL, seq bigint NOT NULL,
    choice text COLLATE "C" NOT NULL, cents bigint, reason text COLLATE "C" NOT NULL, note text COLLATE "C" NOT NULL, clerk text COLLATE "C" NOT NULL,
    at bigint NOT NULL, about text COLLATE "C", PRIMARY KEY (tenant, id)
);
CREATE TABLE run (
    tenant bigint NOT NULL DEFAULT tenant(), number bigint NOT NULL DEFAULT next_number('run', 'number'), state text COLLATE "C" NOT NULL,
    execution bigint NOT NULL, content bytea NOT NULL, first_clerk text COLLATE "C" NOT NULL, first_at bigint NOT NULL, second_clerk text COLLATE "C",
    second_at bigint, selection text COLLATE "C" NOT NULL DEFAULT '', PRIMARY KEY (tenant, number)
);
CREATE TABLE payment (
    tenant bigint NOT NULL DEFAULT tenant(), end_to_end_id text COLLATE "C" NOT NULL, run bigint NOT NULL, provider bigint NOT NULL,
    cents bigint NOT NULL, remittance text COLLATE "C" NOT NULL, iban text COLLATE "C" NOT NULL, booked bigint, returned text COLLATE "C",
    returned_on bigint, returned_at bigint, returned_how text COLLATE "C", stays_until bigint, PRIMARY KEY (tenant, end_to_end_id)
);
CREATE TABLE share (
    tenant bigint NOT NULL DEFAULT tenant(), end_to_end_id text COLLATE "C" NOT NULL, batch bigint NOT NULL, cents bigint NOT NULL,
    PRIMARY KEY (tenant, end_to_end_id, batch)
);
CREATE TABLE run_line (
    tenant bigint NOT NULL DEFAULT tenant(), run bigint NOT NULL, terminal bigint NOT NULL, seq bigint NOT NULL, total bigint NOT NULL,
    already bigint NOT NULL, PRIMARY KEY (tenant, run, terminal, seq)
);
CREATE TABLE released_file (
    tenant bigint NOT NULL DEFAULT tenant(), run bigint NOT NULL, name text COLLATE "C" NOT NULL, bytes bytea NOT NULL, purged bytea,
    PRIMARY KEY (tenant, run, name)
);
CREATE TABLE advice (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint GENERATED BY DEFAULT AS IDENTITY, terminal bigint NOT NULL, batch bigint NOT NULL,
    bytes bytea NOT NULL, PRIMARY KEY (tenant, id)
);
CREATE TABLE line (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, seq bigint NOT NULL, batch bigint NOT NULL, child bigint NOT NULL,
    token bigint NOT NULL, provider bigint NOT NULL, month bigint NOT NULL, day bigint NOT NULL, at bigint NOT NULL, not_before bigint NOT NULL,
    benefit bigint NOT NULL, service text COLLATE "C" NOT NULL, units bigint NOT NULL, cents bigint NOT NULL, full_price bigint,
    slot_day bigint NOT NULL, slot bytea NOT NULL, seen_as bigint NOT NULL, status_issued bigint NOT NULL, data_age bigint NOT NULL,
    operator text COLLATE "C", lesson_start bigint, lesson_end bigint, charge text COLLATE "C", settles bigint, hash bytea NOT NULL,
    cancelled_by bigint, verdict bigint NOT NULL DEFAULT 0, decided bigint NOT NULL DEFAULT 0, reason text COLLATE "C", against_terminal bigint,
    against_seq bigint, holds bigint NOT NULL DEFAULT 0, settled bigint, run bigint, advise bigint NOT NULL DEFAULT 0, proof_at bigint,
    unproved bigint NOT NULL DEFAULT 0, borrowed bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, terminal, seq)
);
CREATE TABLE audit (
    tenant bigint NOT NULL DEFAULT tenant(), seq bigint NOT NULL DEFAULT next_number('audit', 'seq'), at bigint NOT NULL, clerk text COLLATE "C",
    action text COLLATE "C" NOT NULL, object text COLLATE "C", detail text COLLATE "C", salt bytea, content bytea NOT NULL, link bytea NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE TABLE clerk (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint GENERATED BY DEFAULT AS IDENTITY, name text COLLATE nocase NOT NULL,
    password text COLLATE "C" NOT NULL, created bigint NOT NULL, roles text COLLATE "C" NOT NULL DEFAULT 'issue reconcile release admin',
    must_change bigint NOT NULL DEFAULT 0, closed bigint, last_sign_in bigint, factor bytea, last_step bigint NOT NULL DEFAULT 0,
    external text COLLATE nocase, subject text COLLATE "C", epoch bigint NOT NULL DEFAULT 0, PRIMARY KEY (tenant, id), UNIQUE (tenant, name),
    UNIQUE (tenant, external), UNIQUE (tenant, subject)
);
CREATE TABLE recovery_code (
    tenant bigint NOT NULL DEFAULT tenant(), clerk bigint NOT NULL, hash bytea NOT NULL, PRIMARY KEY (tenant, clerk, hash)
);
CREATE TABLE passkey (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint GENERATED BY DEFAULT AS IDENTITY, clerk bigint NOT NULL, label text COLLATE "C" NOT NULL,
    credential bytea NOT NULL, public text COLLATE "C" NOT NULL, created bigint NOT NULL, used bigint, PRIMARY KEY (tenant, id),
    UNIQUE (tenant, credential)
);
CREATE TABLE session (
    tenant bigint NOT NULL DEFAULT tenant(), key bytea NOT NULL, clerk text COLLATE "C" NOT NULL, stage bigint NOT NULL, code_shown bigint NOT NULL,
    epoch bigint NOT NULL, caller bytea NOT NULL, begun bigint NOT NULL, seen bigint NOT NULL, pending bytea, PRIMARY KEY (tenant, key)
);
CREATE TABLE ceremony (
    tenant bigint NOT NULL DEFAULT tenant(), key bytea NOT NULL, begun bigint NOT NULL, what text COLLATE "C" NOT NULL, PRIMARY KEY (tenant, key)
);
CREATE TABLE attempt (
    tenant bigint NOT NULL DEFAULT tenant(), key bytea NOT NULL, at text COLLATE "C" NOT NULL, last bigint NOT NULL, PRIMARY KEY (tenant, key)
);
CREATE TABLE job (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('job', 'id'), clerk text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL, beat bigint NOT NULL, PRIMARY KEY (tenant, id)
);
CREATE TABLE site (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, name text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, provider, name)
);
CREATE TABLE iban_change (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, iban text COLLATE "C" NOT NULL, clerk text COLLATE "C" NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (tenant, provider)
);
CREATE TABLE descent (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, number bigint NOT NULL, head_seq bigint NOT NULL, head_link bytea NOT NULL,
    checkpoint_at bigint NOT NULL, taken bigint NOT NULL, PRIMARY KEY (tenant, terminal, number)
);
CREATE TABLE batch_decision (
    tenant bigint NOT NULL DEFAULT tenant(), batch bigint NOT NULL, choice text COLLATE "C" NOT NULL, note text COLLATE "C" NOT NULL,
    clerk text COLLATE "C" NOT NULL, at bigint NOT NULL, lost_from bigint, lost_to bigint, PRIMARY KEY (tenant, batch)
);
CREATE TABLE cancellation_early (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, entry bytea NOT NULL, seq bigint NOT NULL,
    PRIMARY KEY (tenant, terminal, entry)
);
CREATE TABLE refused_batch (
    tenant bigint NOT NULL DEFAULT tenant(), hash bytea NOT NULL, terminal bigint NOT NULL, reason text COLLATE "C" NOT NULL, first bigint NOT NULL,
    last bigint NOT NULL, times bigint NOT NULL, seen_by text COLLATE "C", PRIMARY KEY (tenant, hash)
);
CREATE TABLE pattern (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, month bigint NOT NULL, kind text COLLATE "C" NOT NULL, part bigint NOT NULL,
    whole bigint NOT NULL, usual bigint NOT NULL, answer text COLLATE "C", note text COLLATE "C", clerk text COLLATE "C", answered bigint,
    PRIMARY KEY (tenant, provider, month, kind)
);
CREATE TABLE pattern_month (
    tenant bigint NOT NULL DEFAULT tenant(), month bigint NOT NULL DEFAULT next_number('pattern_month', 'month'), lines bigint NOT NULL,
    PRIMARY KEY (tenant, month)
);
CREATE TABLE pattern_limit (
    tenant bigint NOT NULL DEFAULT tenant(), from_day bigint NOT NULL DEFAULT next_number('pattern_limit', 'from_day'),
    forgotten_percent bigint NOT NULL, typed_percent bigint NOT NULL, fewest bigint NOT NULL, present_days bigint NOT NULL,
    present_children bigint NOT NULL, weekend_meals bigint NOT NULL, seconds_apart bigint NOT NULL, PRIMARY KEY (tenant, from_day)
);
CREATE TABLE approval (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('approval', 'id'), child bigint NOT NULL,
    from_month bigint NOT NULL, to_month bigint NOT NULL, legal_basis text COLLATE "C", hint text COLLATE "C",
    home_providers text COLLATE "C" NOT NULL, source text COLLATE "C" NOT NULL, record text COLLATE "C", recorded bigint NOT NULL,
    recorded_by text COLLATE "C" NOT NULL, ended_from bigint, end_why text COLLATE "C", changed_to bigint, PRIMARY KEY (tenant, id)
);
CREATE TABLE granted (
    tenant bigint NOT NULL DEFAULT tenant(), approval bigint NOT NULL, place bigint NOT NULL, benefit bigint NOT NULL, detail text COLLATE "C",
    providers text COLLATE "C" NOT NULL, period bigint NOT NULL, measure bigint NOT NULL, amount bigint NOT NULL,
    PRIMARY KEY (tenant, approval, place)
);
CREATE TABLE form_done (
    tenant bigint NOT NULL DEFAULT tenant(), form text COLLATE "C" NOT NULL, place text COLLATE "C" NOT NULL, at bigint NOT NULL,
    PRIMARY KEY (tenant, form)
);
CREATE TABLE print_run (
    tenant bigint NOT NULL DEFAULT tenant(), number bigint NOT NULL DEFAULT next_number('print_run', 'number'), layout text COLLATE "C" NOT NULL,
    contact text COLLATE "C" NOT NULL, url text COLLATE "C" NOT NULL, dated bigint NOT NULL, papers bigint NOT NULL, clerk text COLLATE "C" NOT NULL,
    at bigint NOT NULL, outcome text COLLATE "C", ended_by text COLLATE "C", ended_at bigint, PRIMARY KEY (tenant, number)
);
CREATE TABLE print_item (
    tenant bigint NOT NULL DEFAULT tenant(), run bigint NOT NULL, place bigint NOT NULL, token bigint, code bytea, PRIMARY KEY (tenant, run, place)
);
CREATE TABLE print_file (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('print_file', 'id'), run bigint NOT NULL, part bigint NOT NULL,
    papers bigint NOT NULL, left_out bigint NOT NULL, hash bytea NOT NULL, made bigint NOT NULL, bytes bytea, PRIMARY KEY (tenant, id),
    UNIQUE (tenant, run, part)
);
CREATE TABLE upload (
    tenant bigint NOT NULL DEFAULT tenant(), id text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, clerk text COLLATE "C" NOT NULL,
    at bigint NOT NULL, report text COLLATE "C" NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (tenant, id)
);
CREATE TABLE drawn_line (
    tenant bigint NOT NULL DEFAULT tenant(), run bigint NOT NULL, provider bigint NOT NULL, terminal bigint NOT NULL, seq bigint NOT NULL,
    total bigint NOT NULL, already bigint NOT NULL, verdict bigint NOT NULL, reason text COLLATE "C",
    PRIMARY KEY (tenant, run, provider, terminal, seq)
);
CREATE TABLE run_provider (
    tenant bigint NOT NULL DEFAULT tenant(), run bigint NOT NULL, provider bigint NOT NULL, name text COLLATE "C" NOT NULL,
    iban text COLLATE "C" NOT NULL, lines bigint NOT NULL, cents bigint NOT NULL, PRIMARY KEY (tenant, run, provider)
);
CREATE TABLE returned_line (
    tenant bigint NOT NULL DEFAULT tenant(), end_to_end_id text COLLATE "C" NOT NULL, terminal bigint NOT NULL, seq bigint NOT NULL,
    cents bigint NOT NULL, PRIMARY KEY (tenant, end_to_end_id, terminal, seq)
);
CREATE TABLE account_check (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, iban text COLLATE "C" NOT NULL, at bigint NOT NULL,
    clerk text COLLATE "C" NOT NULL, PRIMARY KEY (tenant, provider, at)
);
CREATE TABLE repayment (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('repayment', 'id'), provider bigint NOT NULL,
    cents bigint NOT NULL, day bigint NOT NULL, note text COLLATE "C" NOT NULL, clerk text COLLATE "C" NOT NULL, at bigint NOT NULL,
    second text COLLATE "C", second_at bigint, settled bigint NOT NULL DEFAULT 0, undoes bigint, PRIMARY KEY (tenant, id)
);
CREATE TABLE drawn_repayment (
    tenant bigint NOT NULL DEFAULT tenant(), run bigint NOT NULL, provider bigint NOT NULL, repayment bigint NOT NULL, total bigint NOT NULL,
    already bigint NOT NULL, PRIMARY KEY (tenant, run, provider, repayment)
);
CREATE TABLE returned_repayment (
    tenant bigint NOT NULL DEFAULT tenant(), end_to_end_id text COLLATE "C" NOT NULL, repayment bigint NOT NULL, cents bigint NOT NULL,
    PRIMARY KEY (tenant, end_to_end_id, repayment)
);
CREATE TABLE bank_file (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('bank_file', 'id'), hash bytea NOT NULL, at bigint NOT NULL,
    clerk text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL, booked bigint NOT NULL, returned bigint NOT NULL, known bigint NOT NULL,
    others bigint NOT NULL, unclear bigint NOT NULL, PRIMARY KEY (tenant, id), UNIQUE (tenant, hash)
);
CREATE TABLE bank_doubt (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('bank_doubt', 'id'), run bigint NOT NULL,
    end_to_end_id text COLLATE "C", kind text COLLATE "C" NOT NULL, cents bigint, day bigint, reason text COLLATE "C", at bigint NOT NULL,
    note text COLLATE "C", clerk text COLLATE "C", closed bigint, PRIMARY KEY (tenant, id)
);
CREATE TABLE class_list (
    tenant bigint NOT NULL DEFAULT tenant(), id bytea NOT NULL, provider bigint NOT NULL, made bigint NOT NULL, content text COLLATE "C" NOT NULL,
    taken bigint, taken_by text COLLATE "C", batch bigint, PRIMARY KEY (tenant, id)
);
CREATE TABLE trip_end (
    tenant bigint NOT NULL DEFAULT tenant(), child bigint NOT NULL, provider bigint NOT NULL, benefit bigint NOT NULL, event text COLLATE "C" NOT NULL,
    cents bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (tenant, child, provider, benefit, event)
);
CREATE TABLE invoice_party (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, street text COLLATE "C" NOT NULL, postcode text COLLATE "C" NOT NULL,
    city text COLLATE "C" NOT NULL, vat_id text COLLATE "C", tax_number text COLLATE "C", contact text COLLATE "C" NOT NULL,
    phone text COLLATE "C" NOT NULL, email text COLLATE "C" NOT NULL, agreed_on bigint NOT NULL, PRIMARY KEY (tenant, provider)
);
CREATE TABLE service_vat (
    tenant bigint NOT NULL DEFAULT tenant(), provider bigint NOT NULL, code text COLLATE "C" NOT NULL, from_day bigint NOT NULL,
    vat text COLLATE "C" NOT NULL, PRIMARY KEY (tenant, provider, code, from_day)
);
CREATE TABLE invoice (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('invoice', 'id'), number text COLLATE "C" NOT NULL,
    provider bigint NOT NULL, month bigint NOT NULL, day bigint NOT NULL, credit bigint NOT NULL, cents bigint NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (tenant, id), UNIQUE (tenant, number)
);
CREATE TABLE invoice_item (
    tenant bigint NOT NULL DEFAULT tenant(), invoice bigint NOT NULL, service text COLLATE "C" NOT NULL, percent bigint NOT NULL,
    exempt text COLLATE "C", price bigint, units bigint NOT NULL, cents bigint NOT NULL, first_day bigint NOT NULL, last_day bigint NOT NULL
);
CREATE TABLE retention (
    tenant bigint NOT NULL DEFAULT tenant(), kind text COLLATE "C" NOT NULL, from_day bigint NOT NULL, months bigint NOT NULL, least bigint NOT NULL,
    year_end bigint NOT NULL, source text COLLATE "C" NOT NULL, PRIMARY KEY (tenant, kind, from_day)
);
CREATE TABLE purge_plan (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('purge_plan', 'id'), made bigint NOT NULL,
    made_by text COLLATE "C" NOT NULL, state text COLLATE "C" NOT NULL, ended bigint, total bigint NOT NULL, PRIMARY KEY (tenant, id)
);
CREATE TABLE purge_kind (
    tenant bigint NOT NULL DEFAULT tenant(), plan bigint NOT NULL, kind text COLLATE "C" NOT NULL, before_day bigint NOT NULL, records bigint NOT NULL,
    oldest bigint, PRIMARY KEY (tenant, plan, kind)
);
CREATE TABLE purge_child (
    tenant bigint NOT NULL DEFAULT tenant(), child bigint NOT NULL DEFAULT next_number('purge_child', 'child'), PRIMARY KEY (tenant, child)
);
CREATE TABLE to_decide (
    tenant bigint NOT NULL DEFAULT tenant(), child bigint NOT NULL, month bigint NOT NULL, PRIMARY KEY (tenant, child, month)
);
CREATE TABLE decided_whole (
    tenant bigint NOT NULL DEFAULT tenant(), child bigint NOT NULL DEFAULT next_number('decided_whole', 'child'), PRIMARY KEY (tenant, child)
);
CREATE TABLE line_sum (
    tenant bigint NOT NULL DEFAULT tenant(), open bigint NOT NULL, month bigint NOT NULL, benefit bigint NOT NULL, provider bigint NOT NULL,
    basis text COLLATE "C" NOT NULL, kind bigint NOT NULL, state bigint NOT NULL, lines bigint NOT NULL, units bigint NOT NULL,
    claimed bigint NOT NULL, decided bigint NOT NULL, settled bigint NOT NULL,
    PRIMARY KEY (tenant, open, month, benefit, provider, basis, kind, state)
);
CREATE TABLE batch_sum (
    tenant bigint NOT NULL DEFAULT tenant(), batch bigint NOT NULL DEFAULT next_number('batch_sum', 'batch'), lines bigint NOT NULL,
    pending bigint NOT NULL, claimed bigint NOT NULL, decided bigint NOT NULL, settled bigint NOT NULL, PRIMARY KEY (tenant, batch)
);
CREATE TABLE child_sum (
    tenant bigint NOT NULL DEFAULT tenant(), month bigint NOT NULL, benefit bigint NOT NULL, child bigint NOT NULL, basis text COLLATE "C" NOT NULL,
    lines bigint NOT NULL, PRIMARY KEY (tenant, month, benefit, child, basis)
);
CREATE TABLE counted_apart (
    tenant bigint NOT NULL DEFAULT tenant(), mark bigint NOT NULL DEFAULT next_number('counted_apart', 'mark'), PRIMARY KEY (tenant, mark)
);
CREATE TABLE succession (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, earlier bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (tenant, terminal)
);
CREATE TABLE other_state (
    tenant bigint NOT NULL DEFAULT tenant(), terminal bigint NOT NULL, at bigint NOT NULL, PRIMARY KEY (tenant, terminal)
);
CREATE TABLE phone (
    tenant bigint NOT NULL DEFAULT tenant(), id bigint NOT NULL DEFAULT next_number('phone', 'id'), key bytea NOT NULL, child bigint NOT NULL,
    added bigint NOT NULL, seen bigint NOT NULL, removed bigint, why text COLLATE "C", PRIMARY KEY (tenant, id), UNIQUE (tenant, key)
);
CREATE TABLE phone_invitation (
    tenant bigint NOT NULL DEFAULT tenant(), code bytea NOT NULL, child bigint NOT NULL, made bigint NOT NULL, expires bigint NOT NULL, phone bigint,
    PRIMARY KEY (tenant, code)
);
ALTER TABLE token ADD FOREIGN KEY (tenant, phone) REFERENCES phone (tenant, id);
ALTER TABLE token ADD FOREIGN KEY (tenant, approval) REFERENCES approval (tenant, id);
ALTER TABLE token ADD FOREIGN KEY (tenant, replaces) REFERENCES token (tenant, id);
ALTER TABLE token ADD FOREIGN KEY (tenant, child) REFERENCES child (tenant, id);
ALTER TABLE stop ADD FOREIGN KEY (tenant, token) REFERENCES token (tenant, id);
ALTER TABLE debit ADD FOREIGN KEY (tenant, child) REFERENCES child (tenant, id);
ALTER TABLE agreement ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE price ADD FOREIGN KEY (tenant, provider, code) REFERENCES agreement (tenant, provider, code);
ALTER TABLE enrolment_code ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE terminal ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE exchange ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE batch ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE cancellation ADD FOREIGN KEY (tenant, batch) REFERENCES batch (tenant, id);
ALTER TABLE cancellation ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE unreadable ADD FOREIGN KEY (tenant, batch) REFERENCES batch (tenant, id);
ALTER TABLE unreadable ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE payment ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE share ADD FOREIGN KEY (tenant, batch) REFERENCES batch (tenant, id);
ALTER TABLE share ADD FOREIGN KEY (tenant, end_to_end_id) REFERENCES payment (tenant, end_to_end_id);
ALTER TABLE run_line ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE released_file ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE advice ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE recovery_code ADD FOREIGN KEY (tenant, clerk) REFERENCES clerk (tenant, id);
ALTER TABLE passkey ADD FOREIGN KEY (tenant, clerk) REFERENCES clerk (tenant, id);
ALTER TABLE site ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE iban_change ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE descent ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE batch_decision ADD FOREIGN KEY (tenant, batch) REFERENCES batch (tenant, id);
ALTER TABLE cancellation_early ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE refused_batch ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE pattern ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE approval ADD FOREIGN KEY (tenant, changed_to) REFERENCES approval (tenant, id);
ALTER TABLE approval ADD FOREIGN KEY (tenant, child) REFERENCES child (tenant, id);
ALTER TABLE granted ADD FOREIGN KEY (tenant, approval) REFERENCES approval (tenant, id);
ALTER TABLE print_item ADD FOREIGN KEY (tenant, run) REFERENCES print_run (tenant, number);
ALTER TABLE print_file ADD FOREIGN KEY (tenant, run) REFERENCES print_run (tenant, number);
ALTER TABLE drawn_line ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE run_provider ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE returned_line ADD FOREIGN KEY (tenant, end_to_end_id) REFERENCES payment (tenant, end_to_end_id);
ALTER TABLE repayment ADD FOREIGN KEY (tenant, undoes) REFERENCES repayment (tenant, id);
ALTER TABLE repayment ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE drawn_repayment ADD FOREIGN KEY (tenant, repayment) REFERENCES repayment (tenant, id);
ALTER TABLE drawn_repayment ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE returned_repayment ADD FOREIGN KEY (tenant, repayment) REFERENCES repayment (tenant, id);
ALTER TABLE returned_repayment ADD FOREIGN KEY (tenant, end_to_end_id) REFERENCES payment (tenant, end_to_end_id);
ALTER TABLE bank_doubt ADD FOREIGN KEY (tenant, end_to_end_id) REFERENCES payment (tenant, end_to_end_id);
ALTER TABLE bank_doubt ADD FOREIGN KEY (tenant, run) REFERENCES run (tenant, number);
ALTER TABLE class_list ADD FOREIGN KEY (tenant, batch) REFERENCES batch (tenant, id);
ALTER TABLE class_list ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE trip_end ADD FOREIGN KEY (tenant, child) REFERENCES child (tenant, id);
ALTER TABLE invoice_party ADD FOREIGN KEY (tenant, provider) REFERENCES provider (tenant, number);
ALTER TABLE service_vat ADD FOREIGN KEY (tenant, provider, code) REFERENCES agreement (tenant, provider, code);
ALTER TABLE invoice_item ADD FOREIGN KEY (tenant, invoice) REFERENCES invoice (tenant, id);
ALTER TABLE purge_kind ADD FOREIGN KEY (tenant, plan) REFERENCES purge_plan (tenant, id);
ALTER TABLE succession ADD FOREIGN KEY (tenant, earlier) REFERENCES terminal (tenant, id);
ALTER TABLE succession ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE other_state ADD FOREIGN KEY (tenant, terminal) REFERENCES terminal (tenant, id);
ALTER TABLE phone ADD FOREIGN KEY (tenant, child) REFERENCES child (tenant, id);
ALTER TABLE phone_invitation ADD FOREIGN KEY (tenant, phone) REFERENCES phone (tenant, id);
ALTER TABLE phone_invitation ADD FOREIGN KEY (tenant, child) REFERENCES child (tenant, id);
CREATE INDEX token_by_child ON token (tenant, child);
CREATE INDEX token_by_number ON token (tenant, number);
CREATE INDEX stop_by_token ON stop (tenant, token);
CREATE INDEX batch_by_id ON batch (tenant, batch);
CREATE INDEX batch_by_terminal ON batch (tenant, terminal, first_seq);
CREATE INDEX cancellation_by_target ON cancellation (tenant, terminal, target);
CREATE INDEX cancellation_to_advise ON cancellation (tenant, batch) WHERE advise = 1;
CREATE INDEX ruling_by_line ON ruling (tenant, terminal, seq);
CREATE INDEX share_by_batch ON share (tenant, batch);
CREATE INDEX advice_by_terminal ON advice (tenant, terminal, id);
CREATE UNIQUE INDEX ledger_slot ON line (tenant, slot_day, slot) WHERE holds = 1;
CREATE INDEX line_by_child ON line (tenant, month, child);
CREATE INDEX line_with_borrowed_token ON line (tenant, token) WHERE borrowed = 1;
CREATE INDEX line_to_advise ON line (tenant, batch) WHERE advise = 1;
CREATE INDEX line_by_tutor ON line (tenant, day, provider) WHERE lesson_start IS NOT NULL;
CREATE INDEX audit_by_clerk ON audit (tenant, clerk, seq);
CREATE INDEX audit_by_object ON audit (tenant, object, seq);
CREATE INDEX passkey_by_clerk ON passkey (tenant, clerk);
CREATE INDEX audit_by_clerk_and_action ON audit (tenant, clerk, action, seq);
CREATE INDEX audit_by_action ON audit (tenant, action, seq);
CREATE INDEX audit_by_time ON audit (tenant, at, seq);
CREATE INDEX session_by_seen ON session (tenant, seen);
CREATE INDEX ceremony_by_begun ON ceremony (tenant, begun);
CREATE INDEX attempt_by_last ON attempt (tenant, last);
CREATE INDEX line_waiting ON line (tenant, reason, provider, service, day, terminal, seq, cents, units, against_terminal, against_seq, verdict)
    WHERE verdict = 0 AND reason IS NOT NULL;
CREATE INDEX batch_waits ON batch (tenant, terminal, first_seq) WHERE reason IS NOT NULL;
CREATE INDEX pattern_open ON pattern (tenant, month, provider) WHERE answer IS NULL;
CREATE INDEX approval_by_child ON approval (tenant, child);
CREATE INDEX approval_by_record ON approval (tenant, source, record) WHERE record IS NOT NULL;
CREATE INDEX approval_by_months ON approval (tenant, to_month, from_month);
CREATE INDEX token_by_approval ON token (tenant, approval) WHERE approval IS NOT NULL;
CREATE INDEX print_run_waiting ON print_run (tenant, number) WHERE outcome IS NULL;
CREATE INDEX print_item_by_token ON print_item (tenant, token) WHERE token IS NOT NULL;
CREATE INDEX print_file_kept ON print_file (tenant, made) WHERE bytes IS NOT NULL;
CREATE INDEX token_to_print ON token (tenant, id) WHERE print_run IS NULL AND bytes IS NOT NULL;
CREATE INDEX upload_by_clerk ON upload (tenant, clerk COLLATE NOCASE, at);
CREATE INDEX line_payable ON line (tenant, provider, benefit, month, run, verdict, decided, settled)
    WHERE verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0));
CREATE INDEX cancellation_payable ON cancellation (tenant, terminal, seq)
    WHERE verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0));
CREATE INDEX run_provider_carried ON run_provider (tenant, provider, run) WHERE cents < 0;
CREATE INDEX payment_by_run ON payment (tenant, run, provider);
CREATE INDEX payment_returned ON payment (tenant, provider) WHERE returned IS NOT NULL;
CREATE UNIQUE INDEX repayment_undone ON repayment (tenant, undoes) WHERE undoes IS NOT NULL;
CREATE INDEX repayment_open ON repayment (tenant, provider) WHERE settled <> cents;
CREATE UNIQUE INDEX bank_doubt_once ON bank_doubt (tenant, run, coalesce(end_to_end_id, ''), kind, coalesce(cents, 0), coalesce(day, 0));
CREATE INDEX bank_doubt_open ON bank_doubt (tenant, id) WHERE closed IS NULL;
CREATE INDEX invoice_by_month ON invoice (tenant, provider, month);
CREATE INDEX invoice_item_by_invoice ON invoice_item (tenant, invoice);
CREATE INDEX line_finding ON line (tenant, reason, day, terminal, seq) WHERE verdict = 0 AND reason IS NOT NULL;
CREATE INDEX line_finding_by_provider ON line (tenant, provider, reason, day) WHERE verdict = 0 AND reason IS NOT NULL;
CREATE INDEX line_beside_lunch ON line (tenant, child, month) WHERE benefit <> 1;
CREATE INDEX line_told ON line (tenant, terminal, month, child) WHERE benefit <> 1;
CREATE INDEX cancellation_by_batch ON cancellation (tenant, batch, seq);
CREATE INDEX unreadable_by_batch ON unreadable (tenant, batch, seq);
CREATE INDEX unreadable_to_advise ON unreadable (tenant, batch) WHERE advise = 1;
CREATE INDEX batch_waiting ON batch (tenant, reason, id) WHERE reason IS NOT NULL;
CREATE INDEX batch_by_provider ON batch (tenant, provider, id);
CREATE INDEX run_waiting ON run (tenant, number) WHERE state = 'signed';
CREATE INDEX child_sum_by_child ON child_sum (tenant, child, month);
CREATE INDEX succession_by_earlier ON succession (tenant, earlier);
CREATE INDEX phone_by_child ON phone (tenant, child);
CREATE INDEX phone_invitation_by_child ON phone_invitation (tenant, child);
CREATE INDEX token_by_phone ON token (tenant, phone) WHERE phone IS NOT NULL;
CREATE INDEX line_by_proof ON line (tenant, token, proof_at) WHERE proof_at IS NOT NULL;
