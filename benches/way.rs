//! The way of one lunch, step by step: how long each takes. `cargo bench --bench way`; the bars that must hold are in `bars`.

mod world;

use divan::{Bencher, counter::ItemsCount};
use std::cell::RefCell;
use teilhabe::admit::scan::Scan;
use teilhabe::admit::token::read;
use teilhabe::words::civil::CivilDay;
use tempfile::{TempDir, tempdir_in};
use world::canteen::Canteen;
use world::kreis::{Kreis, Till, evening, first_day};
use world::{size, town::noon};

fn main() {
    divan::main();
}

fn folder() -> TempDir {
    tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

#[divan::bench]
fn code_to_entitlement(bencher: Bencher<'_, '_>) {
    let dir = folder();
    let canteen = Canteen::new(dir.path());
    let (code, trust) = (canteen.code(1), vec![canteen.town.office.trust.clone()]);
    bencher.bench_local(|| {
        let scan = Scan::new(divan::black_box(&code)).expect("a scan");
        read(&scan).expect("a token").verify(&trust, noon()).expect("genuine")
    });
}

#[divan::bench(sample_count = 500, sample_size = 1)]
fn redeem(bencher: Bencher<'_, '_>) {
    let dir = folder();
    let (canteen, number) = (RefCell::new(Canteen::new(dir.path())), RefCell::new(0));
    let next = || {
        *number.borrow_mut() += 1;
        canteen.borrow().code(*number.borrow())
    };
    bencher.with_inputs(next).bench_local_refs(|code| canteen.borrow_mut().redeem(code, CivilDay::of(noon())));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn seal(bencher: Bencher<'_, '_>) {
    let entries = size(10_000, 50) as u32;
    let filled = || {
        let dir = folder();
        let mut canteen = Canteen::new(dir.path());
        canteen.fill(entries);
        (dir, canteen)
    };
    bencher.counter(ItemsCount::new(entries)).with_inputs(filled).bench_local_refs(|(_, canteen)| {
        let (office, town) = (canteen.town.office.id.clone(), &mut canteen.town);
        town.terminal.seal_batches(&office, &mut town.chance, noon()).expect("sealed")
    });
}

/// A till's batch: `children` on each of `days` days from `first` on.
fn batch(kreis: &Kreis, till: &mut Till, first: u32, days: u32) -> Vec<u8> {
    for day in first..first + days {
        for entitlement in &kreis.entitlements {
            till.lunch(entitlement, first_day().plus(day));
        }
    }
    let batch = till.batch();
    till.question(vec![batch])
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn intake(bencher: Bencher<'_, '_>) {
    const DAYS: u32 = 20;
    let (dir, children) = (folder(), size(500, 3));
    let mut kreis = Kreis::new(dir.path(), children);
    let (till, first) = (RefCell::new(kreis.till(1)), RefCell::new(0));
    let kreis = RefCell::new(kreis);
    let next = || {
        let envelope = batch(&kreis.borrow(), &mut till.borrow_mut(), *first.borrow(), DAYS);
        *first.borrow_mut() += DAYS;
        envelope
    };
    let lines = ItemsCount::new(children * DAYS as usize);
    bencher.counter(lines).with_inputs(next).bench_local_refs(|envelope| kreis.borrow_mut().send(envelope));
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn reconcile(bencher: Bencher<'_, '_>) {
    const DAYS: u32 = 10;
    let children = size(10_000, 20);
    let taken_in = || {
        let dir = folder();
        let mut kreis = Kreis::new(dir.path(), children);
        let mut till = kreis.till(1);
        for day in 0..DAYS {
            let envelope = batch(&kreis, &mut till, day, 1);
            kreis.send(&envelope);
        }
        (dir, kreis)
    };
    let lines = ItemsCount::new(children * DAYS as usize);
    bencher.counter(lines).with_inputs(taken_in).bench_local_refs(|(_, kreis)| kreis.office.reconcile(evening()).expect("reconciled"));
}
