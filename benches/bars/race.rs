//! One side of a race that `scripts/peers/race.py` runs in turn with other programs: prints a line of JSON, no row.

use crate::http::{Server, admitted};
use crate::measure::Times;
use crate::world::canteen::Canteen;
use crate::world::size;
use crate::world::town::noon;
use std::path::Path;
use std::time::Instant;
use teilhabe::admit::scan::Scan;
use teilhabe::admit::token::read;
use teilhabe::words::sealed::{DocType, Sealed};

/// Tokens a CPU second: from the text of a code to the entitlement. Writes the payload of one where `BARS_PAYLOAD` says.
pub fn rate(dir: &Path) {
    let canteen = Canteen::new(dir);
    let codes: Vec<String> = (0..size(2000, 5) as u32).map(|number| canteen.code(number)).collect();
    let trust = std::slice::from_ref(&canteen.town.office.trust);
    if let Some(path) = std::env::var_os("BARS_PAYLOAD") {
        let bytes = read(&Scan::new(&codes[0]).expect("a scan")).expect("a token").bytes().to_vec();
        std::fs::write(path, Sealed::parse(&bytes, DocType::Token).expect("a token").unverified_payload()).expect("written");
    }
    let mut times = Times::default();
    while times.total_cpu() < size(2, 0) as f64 || times.len() == 0 {
        times.take(|| {
            for code in &codes {
                let scan = Scan::new(code).expect("a scan");
                std::hint::black_box(read(&scan).expect("a token").verify(trust, noon()).expect("genuine"));
            }
        });
    }
    println!("{{\"tokens\": {:.0}}}", (times.len() * codes.len()) as f64 / times.total_cpu());
}

/// Redemptions over HTTP by `BARS_TILLS` tills at once.
pub fn till(office_dir: &Path, dir: &Path) {
    let tills = std::env::var("BARS_TILLS").ok().and_then(|tills| tills.parse().ok()).unwrap_or(1);
    let (warm, each) = (size(100, 1), size(1000, 2));
    let codes = admitted(office_dir, dir, warm + tills * each);
    let (server, _) = Server::start(dir);
    let mut first = server.till();
    codes[..warm].iter().enumerate().for_each(|(ask, code)| first.redeem(code, ask));
    let (cpu, began) = (server.cpu(), Instant::now());
    let mut times = Times::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = codes[warm..]
            .chunks(each)
            .enumerate()
            .map(|(place, codes)| {
                let mut till = server.till();
                scope.spawn(move || {
                    let mut times = Times::default();
                    codes.iter().enumerate().for_each(|(ask, code)| times.take(|| till.redeem(code, (place + 1) << 32 | ask)));
                    times
                })
            })
            .collect();
        running.into_iter().for_each(|one| times.add(one.join().expect("done")));
    });
    let took = began.elapsed().as_secs_f64();
    println!(
        "{{\"p50\": {:.4}, \"p95\": {:.4}, \"per_second\": {:.1}, \"cpu\": {:.4}, \"memory\": {:.1}}}",
        times.wall(50) / 1e3,
        times.wall(95) / 1e3,
        times.len() as f64 / took,
        (server.cpu() - cpu) / times.len() as f64,
        server.memory(),
    );
}
