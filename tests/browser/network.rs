//! The box with no network but its own loopback: every page opens, every scan gets its verdict, and what cannot be reached is said.

use super::audit::pages;
use super::chrome::Chrome;
use super::counter::choose;
use super::house::{House, LUNCH};
use super::tab::{Tab, complaints};
use super::verdicts;
use super::wedge::scan;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

/// Set within the cut network.
const WITHIN: &str = "TEILHABE_CUT";

/// Runs this test once more where no other machine can be reached: browser, box and test.
fn once_more_without_a_network(test: &str) {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    command.arg(std::env::current_exe().expect("this program")).args(["--exact", test, "--nocapture"]);
    let output = command.env(WITHIN, "1").output().expect("unshare");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn with_the_network_cut_every_page_opens_and_cards_turn_green() {
    if std::env::var_os(WITHIN).is_none() {
        return once_more_without_a_network("network::with_the_network_cut_every_page_opens_and_cards_turn_green");
    }
    let elsewhere: SocketAddr = "192.0.2.1:80".parse().expect("an address");
    assert!(TcpStream::connect_timeout(&elsewhere, Duration::from_millis(200)).is_err_and(|e| e.kind() == std::io::ErrorKind::NetworkUnreachable));
    let house = House::filled();
    let cards = house.cards(2, LUNCH);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    verdicts::watch(&tab);
    for path in pages() {
        tab.go(path);
        assert!(tab.eval("document.querySelector('main').innerText.trim().length").as_u64() > Some(0), "{path} is empty");
    }
    tab.go("/");
    choose(&tab, "lunch");
    for card in &cards {
        let verdict = verdicts::after(&tab, || scan(&tab, &card.code));
        assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    }
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
}
