//! The office on PostgreSQL: what is true of it beside being an office, which the other tests show with `TEILHABE_TEST_DATABASE_URL` set.
//! `scripts/postgres cargo nextest run --features sim --test postgres --run-ignored all` starts a server for it.

mod office_town;
mod server_tls;

use office_town::{empty_over, lived_in_over, profile, request};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::Duration;
use teilhabe::office::{Office, OfficeKeys};
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::StoreError;
use teilhabe::shell::store::office::{MIGRATIONS, TEST_SERVER, open_at, settings};
use teilhabe::shell::store::sql::Connection;
use teilhabe::shell::store::sql::postgres::{Server, Tenant};
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;

fn server() -> Server {
    Server::parse(&std::env::var(TEST_SERVER).expect("scripts/postgres says where the server is")).expect("an address")
}

/// Two tenants that no other test has.
fn two(server: &Server) -> [Connection; 2] {
    let first = i64::from_le_bytes(teilhabe::shell::door::os_chance().bytes()) & i64::MAX >> 3 | 1 << 60;
    [first, first + 1].map(|number| open_at(server, Tenant(number)).expect("a tenant"))
}

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
    let out = dir.path().join("backup.age");
    let (done, said) = teilhabe(&["office", "backup", "--out", out.to_str().expect("a path")], &one);
    assert!(!done && said.contains("pg_dump") && !out.exists(), "{said}");

    // The keys and the note of the server are all another process needs.
    let two = dir.path().join("two");
    let copied = Command::new("cp").arg("-a").args([&one, &two]).status().expect("cp runs");
    assert!(copied.success());
    let ((_first, at_one), (_second, at_two)) = (serve(&one), serve(&two));
    for at in [at_one, at_two] {
        assert!(get(at, "/login").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")), "{at}");
    }
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn names_and_what_is_missing_come_in_the_same_order_from_both_stores() {
    let [there, _] = two(&server());
    let here: Connection = teilhabe::shell::store::open_in_memory(MIGRATIONS).expect("SQLite").into();
    let names = ["Äpfel", "apfel", "Zebra", "a b", "ab", "A-b", "öse", "Obst", "ß", "_"];
    let mut told = Vec::new();
    for db in [&here, &there] {
        for (number, name) in (101_u32..).zip(names) {
            let sql = "INSERT INTO provider (number, name, iban, changed) VALUES (?1, ?2, 'DE02120300000000202051', 0)";
            db.execute(sql, teilhabe::params![number, name]).expect("added");
        }
        db.execute("INSERT INTO run (number, state, execution, content, first_clerk, first_at) VALUES (1, 'released', 0, ?1, 'a', 0)", [vec![1u8]])
            .expect("a run");
        for (id, at) in [("e1", Some(5_i64)), ("e2", None), ("e3", Some(9))] {
            let sql = "INSERT INTO payment (end_to_end_id, run, provider, cents, remittance, iban, returned, returned_at) VALUES (?1, 1, 101, 5, '', '', 'AC04', ?2)";
            db.execute(sql, teilhabe::params![id, at]).expect("a payment");
        }
        let returned = teilhabe::shell::store::office::bank::last_returned(db, 9).expect("read");
        let providers = db.prepare("SELECT name FROM provider ORDER BY lower(name), number").expect("prepared");
        told.push((returned.into_iter().map(|payment| payment.id).collect::<Vec<_>>(), order(providers)));
    }
    assert_eq!(told[0], told[1]);
}

fn order(mut statement: teilhabe::shell::store::sql::Statement<'_>) -> Vec<String> {
    statement.query_map([], |row| row.get(0)).expect("read").collect::<Result<_, _>>().expect("names")
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn many_sets_of_values_at_once_do_what_they_do_one_by_one() {
    let [there, _] = two(&server());
    let here: Connection = teilhabe::shell::store::open_in_memory(MIGRATIONS).expect("SQLite").into();
    for db in [&here, &there] {
        let work = db.writing().expect("begun");
        let sets: Vec<(i64, [u8; 8], Option<String>, Option<&str>)> =
            (1..=12_001).map(|n: i64| (n, n.to_be_bytes(), (n % 3 > 0).then(|| format!("K{n}\"'?1")), None)).collect();
        let insert = "INSERT INTO child (id, handle, reference, legal_basis) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        assert_eq!(work.execute_each(insert, &sets).expect("added"), 12_001);
        assert_eq!(work.execute_each(insert, &sets).expect("known"), 0);
        assert_eq!(work.execute_each("UPDATE child SET remains = ?2 WHERE id = ?1", &[(5_i64, 1_i64), (9, 1), (99_999, 1)]).expect("changed"), 2);
        assert_eq!(
            work.execute_each("DELETE FROM child WHERE id = ?1 AND handle = ?2", &[(7_i64, 7_i64.to_be_bytes()), (8, [0; 8])]).expect("gone"),
            1
        );
        work.commit().expect("kept");
        let mut found = Vec::new();
        let keys: Vec<[i64; 1]> = (1..=12_001).rev().map(|n| [n]).collect();
        db.query_each("SELECT id, reference, remains FROM child WHERE id = ?1", &keys, |place, row| {
            found.push((place, row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, bool>(2)?));
            Ok::<_, StoreError>(())
        })
        .expect("read");
        found.sort_unstable();
        assert_eq!(found.len(), 12_000);
        assert!(found.iter().all(|(place, id, reference, remains)| {
            let number = 12_001 - *place as i64;
            *id == number && *reference == (id % 3 > 0).then(|| format!("K{id}\"'?1")) && *remains == [5, 9].contains(id)
        }));
    }
    assert!(there.execute_each("VACUUM ?1", &[[1_i64]]).is_err());
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn what_is_sent_ahead_is_kept_in_order_or_taken_back_as_a_whole() {
    let [db, _] = two(&server());
    let set = "INSERT INTO setting (name, value) VALUES (?1, ?2)";
    let work = db.writing().expect("begun");
    for number in 0..1000 {
        work.prepare_cached(set).expect("prepared").send([format!("n{number}"), "x".to_owned()]).expect("sent");
    }
    assert_eq!(count(&work, "SELECT count(*) FROM setting"), 1000, "a question comes after what was sent before it");
    work.commit().expect("kept");

    // Rows that are still arriving do not stand in the way of another question, and none is lost.
    let mut names = db.prepare("SELECT name FROM setting ORDER BY name").expect("prepared");
    let mut rows = names.query([]).expect("asked");
    let mut seen = 0;
    while let Some(row) = rows.next().expect("a row") {
        let name: String = row.get(0).expect("a name");
        seen += 1;
        if seen % 100 == 0 {
            assert_eq!(settings::read(&db, &name).expect("read").as_deref(), Some("x"));
        }
    }
    assert_eq!(seen, 1000);

    let work = db.writing().expect("begun");
    work.prepare_cached(set).expect("prepared").send(["fresh", "y"]).expect("sent");
    work.prepare_cached(set).expect("prepared").send(["n1", "y"]).expect("sent: nobody has looked yet");
    let said = work.commit().expect_err("there is an n1").to_string();
    assert!(said.contains("setting_pkey"), "{said}");
    assert_eq!(settings::read(&db, "fresh").expect("read"), None);
    settings::write(&db, "after", "z").expect("the connection goes on");
}
