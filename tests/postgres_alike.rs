//! The two stores do the same, one statement at a time and many at once; and the way to the server is the right one.
//! `scripts/postgres cargo nextest run --features sim --test postgres_alike --run-ignored all` starts a server for it.

mod server_tls;
#[path = "on_server/tenants.rs"]
mod tenants;

use teilhabe::shell::store::StoreError;
use teilhabe::shell::store::office::{MIGRATIONS, settings};
use teilhabe::shell::store::sql::Connection;
use tenants::{server, two};

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
fn rows_that_are_still_arriving_stand_in_the_way_of_nothing_and_none_is_lost() {
    let [db, _] = two(&server());
    let names: Vec<_> = (0..1000).map(|number| (format!("n{number}"), "x")).collect();
    db.execute_each("INSERT INTO setting (name, value) VALUES (?1, ?2)", &names).expect("added");
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
}
