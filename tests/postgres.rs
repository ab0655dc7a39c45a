//! The office on PostgreSQL: what is true of it beside being an office, which the other tests show with `TEILHABE_TEST_DATABASE_URL` set.
//! `scripts/postgres cargo nextest run --features sim --test postgres --run-ignored all` starts a server for it.

mod office_town;
mod on_server;
#[path = "on_server/tenants.rs"]
mod tenants;

use office_town::{Counter, PASSWORD, empty_over, lived_in_over, profile, request};
use on_server::{Line, ask, postgres, sign_in, with_meals};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;
use teilhabe::office::{Office, OfficeKeys, Role, Roles, SecondFactor};
use teilhabe::shell::door::now;
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::office_dir::Place;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::StoreError;
use teilhabe::shell::store::office::{MIGRATIONS, TEST_SERVER, clerks, open_at, settings};
use teilhabe::shell::store::sql::Connection;
use teilhabe::shell::store::sql::postgres::{Server, Tenant};
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;
use tenants::{server, two};

fn count(db: &Connection, sql: &str) -> i64 {
    db.query_row(sql, [], |row| row.get(0)).expect(sql)
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn nobody_sees_or_changes_the_rows_of_another_tenant() {
    let server = server();
    let [ours, theirs] = two(&server);
    let child = "INSERT INTO child (handle, reference) VALUES (?1, ?2) RETURNING id";
    let id = ours.insert(child, teilhabe::params![[1u8; 8], "0815"]).expect("ours");
    assert_eq!(theirs.insert(child, teilhabe::params![[1u8; 8], "0815"]).expect("the same reference is another child there"), id);
    let number = count(&ours, "SELECT tenant FROM child");
    assert_ne!(count(&theirs, "SELECT tenant FROM child"), number);

    // Whatever is asked for names the other tenant and reaches nothing.
    assert_eq!(count(&theirs, &format!("SELECT count(*) FROM child WHERE tenant = {number}")), 0);
    for reach in ["UPDATE child SET reference = 'x' WHERE tenant = {}", "DELETE FROM child WHERE tenant = {}"] {
        assert_eq!(theirs.execute(&reach.replace("{}", &number.to_string()), []).expect("nothing"), 0, "{reach}");
    }
    for cross in [
        "INSERT INTO child (tenant, handle) VALUES ({}, '\\x02')",
        "UPDATE child SET tenant = {}",
        "INSERT INTO setting (tenant, name, value) VALUES ({}, 'name', 'x')",
        "INSERT INTO child (tenant, id, handle) VALUES ({}, 1, '\\x03') ON CONFLICT (id) DO UPDATE SET reference = 'x'",
    ] {
        let refused = theirs.execute(&cross.replace("{}", &number.to_string()), []).expect_err(cross);
        assert!(refused.to_string().contains("row-level security"), "{refused}");
    }
    // A foreign key cannot reach over either: their token may not belong to our child.
    ours.execute("DELETE FROM child WHERE id > 0", []).expect("gone");
    let other = ours.insert("INSERT INTO child (id, handle) VALUES (77, ?1) RETURNING id", [[9u8; 8]]).expect("ours alone");
    let token = "INSERT INTO token (token, child, issued) VALUES (?1, ?2, 0)";
    assert!(theirs.execute(token, teilhabe::params![[9u8; 16], other]).is_err());

    // The owner of the tables is bound too, and every table that holds rows is.
    let unbound =
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'schema_version'
                   AND NOT (relrowsecurity AND relforcerowsecurity)";
    assert_eq!(count(&ours, unbound), 0);
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn without_a_tenant_nothing_is_seen_and_nothing_written() {
    let server = server();
    let [ours, _] = two(&server);
    settings::write(&ours, "name", "Stadt").expect("written");
    for nobody in ["RESET teilhabe.tenant", "SET teilhabe.tenant = ''"] {
        ours.execute_batch(nobody).expect("set");
        for table in ours.tables().expect("tables") {
            assert_eq!(count(&ours, &format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
        assert!(settings::write(&ours, "name", "x").is_err(), "{nobody}");
    }
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn one_writer_at_a_time_loses_nothing_and_other_tenants_do_not_wait() {
    let server = server();
    let [ours, theirs] = two(&server);
    let begun = settings::counter(&ours, "meals").expect("read");
    let start = Barrier::new(8);
    let number = count(&ours, "SELECT tenant()");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let db = open_at(&server, Tenant(number)).expect("a connection");
                start.wait();
                for _ in 0..25 {
                    let work = db.writing().expect("my turn");
                    // Read, then write what was read and one: two at once would lose one.
                    let seen = settings::counter(&work, "meals").expect("read");
                    let sql = "INSERT INTO counter (name, value) VALUES ('meals', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                    work.execute(sql, [i64::try_from(seen + 1).expect("small")]).expect("written");
                    work.commit().expect("kept");
                }
            });
        }
    });
    assert_eq!(settings::counter(&ours, "meals").expect("read"), begun + 200);

    let held = ours.writing().expect("begun");
    let beside = theirs.writing().expect("another tenant does not wait");
    settings::write(&beside, "x", "y").expect("written");
    beside.commit().expect("kept");
    drop(held);
    let work = ours.writing().expect("begun");
    settings::write(&work, "taken back", "x").expect("written");
    drop(work);
    assert_eq!(settings::read(&ours, "taken back").expect("read"), None);
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn a_failed_statement_takes_the_whole_transaction_back() {
    let server = server();
    let [ours, _] = two(&server);
    let work = ours.writing().expect("begun");
    settings::write(&work, "half", "x").expect("written");
    work.execute("INSERT INTO setting (name, value) VALUES ('half', 'y')", []).expect_err("there is one");
    assert!(work.commit().is_err(), "nothing may look kept that is not");
    assert_eq!(settings::read(&ours, "half").expect("read"), None);
    settings::write(&ours, "whole", "x").expect("the connection goes on");
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn a_new_tenants_rows_are_found_by_their_own_key() {
    let server = server();
    let [ours, theirs] = two(&server);
    let many = "INSERT INTO child (id, handle, reference) SELECT i, decode(md5(i::text), 'hex'), 'K' || i FROM generate_series(1, 5000) AS i";
    ours.execute(many, []).expect("5,000 children");
    ours.execute("ANALYZE child", []).expect("the server has looked at the table, and knows nothing of the other tenant");
    theirs.execute(many, []).expect("5,000 children");
    let plan: String = theirs.query_row("EXPLAIN SELECT legal_basis FROM child WHERE id = 7", [], |row| row.get(0)).expect("a plan");
    assert!(plan.contains("child_pkey"), "by another index each look reads all of the tenant's children: {plan}");
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn a_reader_cannot_write_and_sees_its_own_tenant() {
    let server = server();
    let [ours, _] = two(&server);
    settings::write(&ours, "name", "Stadt").expect("written");
    let reader = ours.reader().expect("a connection").expect("a reader");
    assert_eq!(settings::read(&reader, "name").expect("read").as_deref(), Some("Stadt"));
    assert!(settings::write(&reader, "name", "x").is_err());
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn both_stores_hold_the_same_columns() {
    let [there, _] = two(&server());
    let here: Connection = teilhabe::shell::store::open_in_memory(MIGRATIONS).expect("SQLite").into();
    let names = |db: &Connection, sql: &str| -> BTreeSet<String> {
        db.prepare(sql).expect(sql).query_map([], |row| row.get(0)).expect(sql).collect::<Result<_, _>>().expect("names")
    };
    let embedded =
        "SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'";
    let server = "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND a.attname <> 'tenant' AND c.relname <> 'schema_version'";
    let (embedded, server) = (names(&here, embedded), names(&there, server));
    assert_eq!(embedded.symmetric_difference(&server).collect::<Vec<_>>(), Vec::<&String>::new(), "run scripts/postgres_schema.py");
    let indexes = |db: &Connection, sql: &str| names(db, sql);
    let ours = indexes(&here, "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL");
    let theirs = indexes(&there, "SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()");
    assert!(ours.is_subset(&theirs), "{:?}", ours.difference(&theirs).collect::<Vec<_>>());
}

/// The office's keys, made from a seed and an envelope's key.
fn keys(identity: &str) -> OfficeKeys {
    let mut keys = OfficeKeys::generate(&mut Chance::seeded(1));
    keys.identity = Identity::parse(identity).expect("a key");
    keys
}

/// The same office in another process.
fn beside(office: &Office, identity: &str, now: UtcMs) -> Office {
    let db = open_at(&server(), Tenant(count(office.db(), "SELECT tenant()"))).expect("a connection");
    Office::begin(db, keys(identity), profile(), Chance::seeded(2), now).expect("the same office")
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn two_processes_take_in_a_batch_once_and_pay_once() {
    let now = CivilDay::parse("2026-11-23").expect("a day").at_minute(12 * 60);
    let identity = Identity::generate().to_text();
    let [db, _] = two(&server());
    let (mut one, mut counters) = lived_in_over(db, keys(&identity), now);
    let mut two = beside(&one, &identity, now);
    let (month, csv) = (CivilDay::of(now).month(), "reference;benefit;from;to;period;measure;amount\n");
    let rows = children::read(format!("{csv}0815;lunch;{month};{month};day;units;1\n").as_bytes()).expect("a table").rows;
    let token = one.issue(&rows, now).expect("issued").remove(0);
    counters[0].redeem(&request(&token.code, "lunch"), now);
    let sent = counters[0].outbound(now);

    let (batches, lines) = (count(one.db(), "SELECT count(*) FROM batch"), count(one.db(), "SELECT count(*) FROM line"));
    let start = Barrier::new(2);
    let both = |work: &(dyn Fn(&mut Office) + Sync), one: &mut Office, two: &mut Office| {
        std::thread::scope(|scope| {
            for office in [one, two] {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    work(office);
                });
            }
        });
    };
    both(&|office| drop(office.exchange(&sent, now).expect("an answer")), &mut one, &mut two);
    assert_eq!(count(two.db(), "SELECT count(*) FROM batch"), batches + 1);
    assert_eq!(count(two.db(), "SELECT count(*) FROM line"), lines + 1);

    both(
        &|office| {
            office.reconcile(now).expect("reconciled");
        },
        &mut one,
        &mut two,
    );
    let payable = count(one.db(), "SELECT sum(decided - coalesce(settled, 0)) FROM line WHERE verdict <> 0");
    // Whoever comes second finds nothing left, or a run that waits for its second signature; either way nothing is paid again.
    both(&|office| drop(office.settle("Anna Adler", "Berta Busch", CivilDay::of(now), now)), &mut one, &mut two);
    assert!(payable > 0);
    assert_eq!(count(one.db(), "SELECT count(*) FROM run WHERE state = 'released'"), 1);
    assert_eq!(count(one.db(), "SELECT sum(cents) FROM payment"), payable);
    let twice = "SELECT count(*) FROM (SELECT terminal, seq FROM run_line GROUP BY terminal, seq HAVING count(*) > 1) AS d";
    assert_eq!(count(two.db(), twice), 0);
    assert!(one.verify_audit().expect("read").is_ok(), "one chain, whoever wrote");
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn an_office_goes_on_when_the_server_has_ended_its_connection() {
    let now = CivilDay::parse("2026-11-23").expect("a day").at_minute(12 * 60);
    let identity = Identity::generate().to_text();
    let [db, _] = two(&server());
    let mut office = empty_over(db, keys(&identity), now);
    let mine = count(office.db(), "SELECT pg_backend_pid()");
    let other = beside(&office, &identity, now);
    other.db().query_row("SELECT pg_terminate_backend(?1::int)", [mine], |_| Ok(())).expect("ended");
    // The first question may still meet the old connection; none is answered wrongly.
    let _ = office.status_list(now);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(office.status_list(now).is_ok());
    assert_ne!(count(office.db(), "SELECT pg_backend_pid()"), mine);
    assert_eq!(count(office.db(), "SELECT tenant()"), count(other.db(), "SELECT tenant()"), "of the same tenant");
}

#[test]
fn a_server_that_is_not_there_is_one_sentence_without_the_password() {
    let server = Server::parse("postgres://nobody:geheim@127.0.0.1:1/none").expect("an address");
    let why = open_at(&server, Tenant(1)).expect_err("nobody listens");
    assert!(matches!(why, StoreError::NotReachable(_)), "{why:?}");
    assert!(!format!("{why} {why:?}").contains("geheim") && why.to_string().contains("check that it runs"), "{why}");
}

/// The real program, with the data folder last.
fn teilhabe(arguments: &[&str], data: &Path) -> (bool, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_teilhabe")).args(arguments).arg("--data").arg(data).output().expect("it runs");
    (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
}

/// A serving process; it is stopped when this is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves the office in `data`, and answers where, as soon as it answers.
fn serve(data: &Path) -> (Serving, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let mut command = Command::new(env!("CARGO_BIN_EXE_teilhabe"));
    command.args(["office", "serve", "--listen", &free.to_string(), "--data"]).arg(data).stdout(Stdio::null()).stderr(Stdio::null());
    let serving = Serving(command.spawn().expect("it starts"));
    for _ in 0..600 {
        if let Some(answer) = get(free, "/healthz") {
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            return (serving, free);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it does not answer");
}

fn get(at: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn an_office_is_set_up_on_a_server_and_served_by_two_processes() {
    let url = std::env::var(TEST_SERVER).expect("scripts/postgres says where the server is");
    let dir = tempfile::tempdir().expect("a folder");
    let number = u32::from_le_bytes(teilhabe::shell::door::os_chance().bytes()) % 100_000_000;
    let (one, id) = (dir.path().join("one"), format!("{number:08}"));
    let init = |at: &str, data: &Path| {
        teilhabe(&["office", "init", "--id", &id, "--name", "Stadt", "--debtor-iban", "DE02120300000000202051", "--database-url", at], data)
    };
    let (done, said) = init("postgres://a:geheim@db.example/b", &one);
    assert!(!done && said.contains("another computer") && !said.contains("geheim"), "{said}");
    let (done, said) = init(&url, &one);
    assert!(done, "{said}");
    assert!(!one.join("office.db").exists(), "nothing is in a file");
    for (again, why) in [(dir.path().join("stranger"), "only with the keys"), (one.clone(), "only with the keys")] {
        let (done, said) = init(&url, &again);
        assert!(!done && said.contains(why), "{said}");
    }
    assert!(!dir.path().join("stranger/database.url").exists() && one.join("database.url").exists());

    let provider = ["office", "provider", "add", "--name", "Mensa", "--iban", "DE21500500009876543210", "--service", "lunch:lunch:Essen:450"];
    let (done, said) = teilhabe(&provider, &one);
    assert!(done, "{said}");
    let (done, said) = teilhabe(&["doctor"], &one);
    assert!(done && !said.contains("BAD"), "{said}");
    let (done, said) = teilhabe(&["migrate"], &one);
    assert!(done && said.contains("version 2"), "{said}");
    // The keys and the note of the server are all another process needs.
    let two = dir.path().join("two");
    let copied = Command::new("cp").arg("-a").args([&one, &two]).status().expect("cp runs");
    assert!(copied.success());
    let ((_first, at_one), (_second, at_two)) = (serve(&one), serve(&two));
    for at in [at_one, at_two] {
        assert!(get(at, "/login").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")), "{at}");
    }
}

/// An office on the server, set up by the program, with two clerks; its folder and its official key.
fn set_up(dir: &Path) -> std::path::PathBuf {
    let url = std::env::var(TEST_SERVER).expect("scripts/postgres says where the server is");
    let number = u32::from_le_bytes(teilhabe::shell::door::os_chance().bytes()) % 100_000_000;
    let (data, id) = (dir.join("office"), format!("{number:08}"));
    let init = ["office", "init", "--id", &id, "--name", "Stadt", "--debtor-iban", "DE02120300000000202051", "--database-url", &url];
    let (done, said) = teilhabe(&init, &data);
    assert!(done, "{said}");
    let (mut office, now) = (opened(&data), now());
    for clerk in ["Anna Adler", "Berta Busch"] {
        office.set_clerk(clerk, PASSWORD, now).expect("a clerk");
    }
    office.set_second_factor("cli", SecondFactor::Optional, now).expect("set");
    data
}

fn opened(data: &Path) -> Office {
    Office::open(data, teilhabe::shell::door::os_chance(), now()).expect("an office")
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn a_clerk_is_signed_in_at_every_process() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = set_up(dir.path());
    let ((_one, at_one), (_two, at_two)) = (serve(&data), serve(&data));
    let answer = sign_in(at_one, "Anna Adler", PASSWORD);
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let page = |at: SocketAddr, path: &str| ask(at, &format!("GET {path} HTTP/1.1\r\nCookie: {cookie}"), "");
    for at in [at_one, at_two] {
        assert!(page(at, "/admin").starts_with("HTTP/1.1 200"), "{}", page(at, "/admin"));
    }
    // What a third process changes holds at once.
    opened(&data).set_roles("Anna Adler", &Roles::of(&[Role::Issue])).expect("roles");
    for at in [at_one, at_two] {
        assert!(page(at, "/admin").starts_with("HTTP/1.1 403"), "{}", page(at, "/admin"));
    }
    // A one-time code that was used at one process is used.
    let (one, two) = (opened(&data), opened(&data));
    let berta = clerks::all(one.db()).expect("read").into_iter().find(|clerk| clerk.name == "Berta Busch").expect("there").id;
    assert!(clerks::use_step(one.db(), berta, 77).expect("stored") && !clerks::use_step(two.db(), berta, 77).expect("stored"));
    // Wrong passwords count together.
    for turn in 0..10 {
        let answer = sign_in(if turn % 2 == 0 { at_one } else { at_two }, "Berta Busch", "falsches wort");
        assert!(answer.starts_with("HTTP/1.1 401"), "{turn} {answer}");
    }
    for at in [at_one, at_two] {
        assert!(sign_in(at, "Berta Busch", PASSWORD).starts_with("HTTP/1.1 429"), "locked at both");
    }
    let out = ask(at_one, &format!("POST /logout HTTP/1.1\r\nCookie: {cookie}"), "");
    assert!(out.starts_with("HTTP/1.1 303"), "{out}");
    for at in [at_one, at_two] {
        assert!(page(at, "/").contains("location: /login"), "signed out at both");
    }
    // Somebody holds the office's lock: it is not ready, and says why.
    let tenant = count(one.db(), "SELECT tenant()");
    one.db().query_row("SELECT pg_advisory_lock(?1)", [tenant], |_| Ok(())).expect("held");
    std::thread::sleep(Duration::from_millis(3_100));
    let held = ask(at_two, "GET /readyz HTTP/1.1", "");
    assert!(held.starts_with("HTTP/1.1 503") && held.contains("\"what\":\"busy\""), "{held}");
    one.db().query_row("SELECT pg_advisory_unlock(?1)", [tenant], |_| Ok(())).expect("let go");
    std::thread::sleep(Duration::from_millis(3_100));
    assert!(ask(at_two, "GET /readyz HTTP/1.1", "").starts_with("HTTP/1.1 200"));
}

fn counts(db: &Connection, tables: &[String]) -> Vec<i64> {
    tables.iter().map(|table| count(db, &format!("SELECT count(*) FROM {table}"))).collect()
}

/// The office in `copy` holds what `office` holds, and a counter goes on with it.
fn goes_on(office: &Office, copy: &mut Office, tables: &[String], counter: &mut Counter, code: &str, now: UtcMs) {
    let id = office.profile().id.clone();
    assert_eq!(counts(copy.db(), tables), counts(office.db(), tables), "{tables:?}");
    assert!(copy.verify_audit().expect("read").is_ok(), "the chain of the log goes on");
    counter.redeem(&request(code, "lunch"), now);
    counter.exchange_at(copy, &id, now);
    let lines = |office: &Office| count(office.db(), "SELECT count(*) FROM line");
    assert_eq!((lines(office), lines(copy)), (20, 21));
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn an_office_is_backed_up_from_a_server_and_goes_on_in_a_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, now) = (set_up(dir.path()), now());
    let mut office = opened(&data);
    let (mut counters, later) = with_meals(&mut office, now);
    let (file, passphrase) = (dir.path().join("office.age"), dir.path().join("passphrase"));
    std::fs::write(&passphrase, "eine lange Losung zum Proben\n").expect("written");
    std::fs::set_permissions(&passphrase, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("set");
    let (file, passphrase) = (file.to_str().expect("a path"), passphrase.to_str().expect("a path"));
    let (done, said) = teilhabe(&["office", "backup", "--out", file, "--passphrase-file", passphrase], &data);
    assert!(done, "{said}");
    let restored = dir.path().join("restored");
    let (done, said) = teilhabe(&["office", "restore", "--in", file, "--passphrase-file", passphrase], &restored);
    assert!(done && restored.join("office.db").exists() && !restored.join("database.url").exists(), "{said}");
    let mut in_file = opened(&restored);
    // What a restore itself writes is more than was there.
    let written = ["audit", "setting", "counter", "trust_list"];
    let tables: Vec<String> = in_file.db().tables().expect("tables").into_iter().filter(|table| !written.contains(&table.as_str())).collect();
    let (_, said) = teilhabe(&["doctor"], &restored);
    assert!(said.matches("BAD").count() == 1 && said.contains("BAD  payments: this office was restored"), "{said}");
    goes_on(&office, &mut in_file, &tables, &mut counters[0], &later[0], now);
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn an_office_outgrows_its_file_and_goes_on_at_a_server() {
    let dir = tempfile::tempdir().expect("a folder");
    let url = std::env::var(TEST_SERVER).expect("there is a server");
    let number = u32::from_le_bytes(teilhabe::shell::door::os_chance().bytes()) % 100_000_000;
    let (data, id) = (dir.path().join("office"), format!("{number:08}"));
    let init = ["office", "init", "--id", &id, "--name", "Stadt", "--debtor-iban", "DE02120300000000202051"];
    let (done, said) = teilhabe(&init, &data);
    assert!(done, "{said}");
    let now = now();
    let mut office = opened(&data);
    office.set_clerk("Anna Adler", PASSWORD, now).expect("a clerk");
    let (mut counters, later) = with_meals(&mut office, now);
    let mut rows: Vec<(String, i64)> = Vec::new();
    for table in office.db().tables().expect("tables") {
        rows.push((table.clone(), count(office.db(), &format!("SELECT count(*) FROM {table}"))));
    }
    let go = ["office", "move", "--database-url", &url];
    let (done, said) = teilhabe(&go, &data);
    assert!(!done && said.contains("another program holds the database"), "somebody has it open: {said}");
    drop(office);
    let (done, said) = teilhabe(&["office", "move", "--database-url", "postgres://teilhabe@127.0.0.1:1/nowhere"], &data);
    assert!(!done && said.contains("cannot be reached"), "{said}");
    assert!(!data.join("database.url").exists() && data.join("office.db").exists(), "nothing has changed");

    // Another office's rows, or older ones of this, are not taken for those of the file.
    let server = Server::parse(&url).expect("an address");
    let tenant = Tenant::of(&teilhabe::words::ids::OfficeId::parse(&id).expect("an id"));
    let there = open_at(&server, tenant).expect("a connection");
    settings::write(&there, "name", "Altstadt").expect("written");
    let (done, said) = teilhabe(&go, &data);
    assert!(!done && said.contains("holds other rows of this office"), "{said}");
    there.execute("DELETE FROM setting", []).expect("gone");

    // What a restored office leaps over is in the file's count alone, and the server's counts begin anew: no number is given twice.
    {
        let file = teilhabe::shell::store::office::open(&data.join("office.db")).expect("opened");
        file.leap_over_advice(1_000_000).expect("leapt");
    }
    let copy = dir.path().join("copy");
    assert!(Command::new("cp").arg("-a").args([&data, &copy]).status().expect("cp runs").success());
    let (done, said) = teilhabe(&go, &data);
    assert!(done && said.contains("each compared with the file"), "{said}");
    assert!(data.join("database.url").exists() && !data.join("office.db").exists() && data.join("office.db.moved").exists());
    let mut office = opened(&data);
    for (table, before) in rows {
        assert_eq!(count(office.db(), &format!("SELECT count(*) FROM {table}")), before, "{table}");
    }
    assert_eq!(teilhabe::shell::store::office::sums::verify(office.db()).expect("counted"), 0, "the sums are those of the lines");
    assert!(office.verify_audit().expect("read").is_ok(), "the chain of the log goes on");
    let moving = copy.join("database.moving");
    teilhabe::shell::secret_file::write(&moving, &format!("{url}\n{id}")).expect("as it is when the connection is lost");
    let (done, said) = teilhabe(&["office", "findings"], &copy);
    assert!(!done && said.contains("office move"), "nobody goes on in the file: {said}");
    let (done, said) = teilhabe(&go, &copy);
    assert!(done && said.contains("were on the server already"), "what was cut off before it was noted is finished: {said}");
    assert!(!copy.join("office.db").exists() && !copy.join("database.moving").exists());
    let office_id = office.profile().id.clone();
    counters[0].redeem(&request(&later[0], "lunch"), now);
    counters[0].exchange_at(&mut office, &office_id, now);
    assert_eq!(count(office.db(), "SELECT count(*) FROM line"), 21, "a counter goes on");
    let known = count(office.db(), "SELECT max(id) FROM advice");
    office.reconcile(now).expect("an advice is made");
    assert!(count(office.db(), "SELECT max(id) FROM advice") > known.max(1_000_000), "beyond all that a terminal may have heard of");
    office.set_clerk("Cem Can", PASSWORD, now).expect("a new clerk");
    let (done, said) = teilhabe(&["doctor"], &data);
    assert!(done && !said.contains("BAD"), "{said}");
    let (done, said) = teilhabe(&go, &data);
    assert!(!done && said.contains("is on a server already"), "{said}");
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn a_dump_of_the_whole_database_goes_on_in_a_fresh_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, now) = (set_up(dir.path()), now());
    let mut office = opened(&data);
    let (mut counters, later) = with_meals(&mut office, now);
    let url = std::env::var(TEST_SERVER).expect("there is a server");
    let (server, _) = url.rsplit_once('/').expect("a database");
    let name = format!("copy_{}", office.profile().id);
    let (fresh, dump) = (format!("{server}/{name}"), dir.path().join("offices.dump"));
    let (dump, superuser) = (dump.to_str().expect("a path"), |url: &str| url.replace("//teilhabe@", "//postgres@"));
    postgres("pg_dump", &["--format=custom", "--file", dump, &superuser(&url)]);
    let create = format!("CREATE DATABASE {name} OWNER teilhabe ENCODING 'UTF8' TEMPLATE template0");
    postgres("psql", &["--quiet", "--command", &create, &superuser(&url)]);
    postgres("pg_restore", &["--exit-on-error", "--dbname", &superuser(&fresh), dump]);
    let moved = dir.path().join("moved");
    assert!(Command::new("cp").arg("-a").args([&data, &moved]).status().expect("cp runs").success());
    Place::move_to(&moved, &fresh).expect("noted");
    let mut copy = opened(&moved);
    let tables = office.db().tables().expect("tables");
    goes_on(&office, &mut copy, &tables, &mut counters[1], &later[1], now);
    let (done, said) = teilhabe(&["doctor"], &moved);
    assert!(done && !said.contains("BAD"), "{said}");
    let unbound =
        "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'schema_version'
                   AND NOT (relrowsecurity AND relforcerowsecurity)";
    assert_eq!(count(copy.db(), unbound), 0, "the walls stand in the copy too");
    drop(copy);
    postgres("psql", &["--quiet", "--command", &format!("DROP DATABASE {name} WITH (FORCE)"), &superuser(&url)]);
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn an_office_whose_server_is_gone_says_so_and_goes_on_when_it_is_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = set_up(dir.path());
    let url = std::env::var(TEST_SERVER).expect("there is a server").replace("%2F", "/");
    let place = url.split_once('@').and_then(|(_, rest)| rest.rsplit_once('/')).expect("a place").0;
    let (folder, port) = place.rsplit_once(':').expect("a port");
    let line = Line::to(format!("{folder}/.s.PGSQL.{port}"));
    Place::move_to(&data, &format!("postgres://teilhabe@{}/teilhabe", line.at)).expect("noted");
    let (_serving, at) = serve(&data);
    for (is_cut, status) in [(true, "503"), (false, "200")] {
        line.cut(is_cut);
        std::thread::sleep(Duration::from_millis(3_100));
        let said = ask(at, "GET /readyz HTTP/1.1", "");
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")) && said.contains("\"what\":\"not_reachable\"") == is_cut, "{said}");
    }
}
