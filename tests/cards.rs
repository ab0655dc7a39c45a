//! Chip cards: what is read from each kind and written to it, every fault one by one in memory; and with the feature `pcsc`, through
//! pcscd and a virtual reader to green. `scripts/check-cards` starts pcscd for that and runs it.
#![cfg(all(feature = "terminal", feature = "office"))]

#[cfg(feature = "pcsc")]
mod slot;
#[cfg(feature = "pcsc")]
mod stand;
#[cfg(feature = "pcsc")]
mod town;
mod virtual_card;
#[cfg(feature = "pcsc")]
mod wires;

use teilhabe::shell::device::chip::{self, CardError, Chip};
use teilhabe::shell::device::ndef;
use virtual_card::{Memory, VirtualCard};

fn read(card: &mut VirtualCard) -> Result<Chip, CardError> {
    chip::read(&mut |command| card.talk(command))
}

fn write(card: &mut VirtualCard, token: &[u8], overwrite: bool) -> Result<(), CardError> {
    card.reset();
    chip::write(&mut |command| card.talk(command), token, overwrite)
}

/// A new card of every kind that takes a token.
fn new_cards() -> [VirtualCard; 3] {
    [VirtualCard::type_4(2048), VirtualCard::ntag(0x3e), VirtualCard::ntag(0x6d)]
}

#[test]
fn a_token_is_written_read_back_and_read_again() {
    let token = [7; 220];
    for mut card in new_cards() {
        assert!(matches!(read(&mut card), Ok(Chip::Uid(_))), "a new card has its UID");
        assert_eq!(write(&mut card, &token, false), Ok(()));
        card.reset();
        assert_eq!(read(&mut card), Ok(Chip::Token(token.to_vec())));
        assert_eq!(write(&mut card, &token, false), Ok(()), "the same again changes nothing");
    }
    let mut chip = VirtualCard::classic(&[0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(read(&mut chip), Ok(Chip::Uid("DEADBEEF".into())));
    assert_eq!(write(&mut chip, &token, true), Err(CardError::Locked));
}

#[test]
fn what_a_card_holds_already_is_overwritten_only_when_that_is_said() {
    let url = [&[0xd1, 0x01, 0x0c, b'U', 0x04][..], b"example.org"].concat();
    let other = ndef::write(&[1; 200]);
    for (what, message, said) in [("an address", &url, url.len()), ("another token", &other, other.len()), ("half a record", &other, 90)] {
        for card in new_cards() {
            let mut card = card.holding(message, said);
            let before = format!("{:?}", card.memory);
            assert_eq!(write(&mut card, &[2; 200], false), Err(CardError::Occupied), "{what}");
            assert_eq!(format!("{:?}", card.memory), before, "{what}: nothing was written");
            assert_eq!(write(&mut card, &[2; 200], true), Ok(()), "{what}");
            card.reset();
            assert_eq!(read(&mut card), Ok(Chip::Token(vec![2; 200])));
        }
    }
}

#[test]
fn a_card_that_is_too_small_or_locked_is_told_and_stays_as_it_was() {
    let mut small = VirtualCard::ntag(0x12);
    assert!(matches!(write(&mut small, &[7; 220], false), Err(CardError::TooSmall { room: 144, needed: 240 })));
    for mut card in new_cards() {
        card.writable = false;
        let before = format!("{:?}", card.memory);
        assert_eq!(write(&mut card, &[7; 220], false), Err(CardError::Locked));
        assert_eq!(format!("{:?}", card.memory), before);
    }
}

#[test]
fn a_card_that_is_taken_away_is_never_half_a_token() {
    let token = [7; 220];
    for whole in new_cards() {
        let mut written = whole.clone();
        write(&mut written, &token, false).expect("written");
        for commands in 0.. {
            let mut card = VirtualCard { gone_after: Some(commands), ..whole.clone() };
            let outcome = write(&mut card, &token, false);
            card.gone_after = None;
            card.reset();
            let held = read(&mut card);
            if outcome.is_ok() {
                assert_eq!(held, Ok(Chip::Token(token.to_vec())));
                break;
            }
            assert_eq!(outcome, Err(CardError::Gone), "after {commands} commands");
            let is_sound = matches!(&held, Ok(Chip::Uid(_))) || held == Ok(Chip::Token(token.to_vec()));
            assert!(is_sound, "after {commands} commands: {held:?}");
            let mut reading = VirtualCard { gone_after: Some(commands), ..written.clone() };
            reading.reset();
            assert!(matches!(read(&mut reading), Err(CardError::Gone) | Ok(Chip::Token(_))), "after {commands} commands");
        }
    }
}

#[test]
fn rubbish_a_torn_record_and_a_wrong_length_are_told_apart() {
    let message = ndef::write(&[7; 220]);
    let rubbish: Vec<u8> = (0..8190u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut full = VirtualCard::type_4(8192).holding(&rubbish, rubbish.len());
    assert!(matches!(read(&mut full), Ok(Chip::Uid(_))), "8 kB of something else");
    for card in new_cards() {
        let mut torn = card.clone().holding(&message[..100], message.len() - 30);
        assert_eq!(read(&mut torn), Err(CardError::Torn), "its record breaks off");
        let mut long = card.clone().holding(&message, 60_000);
        assert_eq!(read(&mut long), Err(CardError::Torn), "more than there is room for");
        let mut short = VirtualCard { cuts_answers: true, ..card.holding(&message, message.len()) };
        assert!(read(&mut short).is_err(), "answers that are too short");
    }
    let mut mute = VirtualCard::classic(&[]);
    assert_eq!(read(&mut mute), Err(CardError::Mute));
    assert!(matches!(mute.memory, Memory::Classic));
}

#[cfg(feature = "pcsc")]
mod over_pcscd {
    use super::slot::{Slot, office_writes};
    use super::stand::{Page, Scans, Stand};
    use super::virtual_card::VirtualCard;
    use super::wires::until;
    use serde_json::{Value, json};
    use std::time::Duration;
    use teilhabe::admit::scan::Scan;
    use teilhabe::shell::device::ndef;

    const FIRST: u16 = 35_963;
    const SECOND: u16 = 35_964;

    fn token_of(code: &str) -> Vec<u8> {
        match Scan::new(code) {
            Ok(Scan::Code(token)) => token,
            other => panic!("{other:?}"),
        }
    }

    fn card(code: &str, kind: VirtualCard) -> VirtualCard {
        let message = ndef::write(&token_of(code));
        kind.holding(&message, message.len())
    }

    async fn green(page: &Page, scans: &mut Scans, by_chip: bool) -> Value {
        let scan = scans.scan().await;
        assert_eq!((&scan["from_card"], &scan["ending"]), (&json!(by_chip), &json!("card")), "{scan}");
        let body = json!({"ask": scan["id"], "code": scan["text"], "nfc": by_chip, "service": "lunch"});
        let (_, answer) = page.ask("post", "/api/v1/redemptions", Some(body)).await;
        page.ask("post", &format!("/api/v1/scans/{}/taking", scan["id"].as_str().expect("an id")), None).await;
        answer
    }

    /// Waits until the first reader stands so.
    async fn stands(page: &Page, standing: &str) {
        for _ in 0..200 {
            let (_, told) = page.ask("get", "/api/v1/readers", None).await;
            if told["readers"].as_array().is_some_and(|rows| rows.iter().any(|row| row["standing"] == standing && row["kind"] == "cards")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not {standing}: {}", page.ask("get", "/api/v1/readers", None).await.1);
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs a pcscd with a virtual reader: scripts/check-cards"]
    async fn cards_turn_green_and_every_fault_is_one_sentence() {
        let stand = Stand::new(&["cards"]);
        let page = stand.page().await;
        stands(&page, "connected").await;
        let mut scans = page.scans().await;
        for (place, kind) in [VirtualCard::type_4(2048), VirtualCard::ntag(0x3e), VirtualCard::ntag(0x6d)].into_iter().enumerate() {
            let slot = Slot::put_on(FIRST, card(&stand.cards[place], kind));
            let answer = green(&page, &mut scans, true).await;
            assert_eq!(answer["verdict"], "accepted", "{answer}");
            slot.take_away();
        }
        // A chip that was taught to a card.
        let taught = json!({"uid": "DEADBEEF", "code": stand.cards[3]});
        assert_eq!(page.ask("post", "/api/v1/chips", Some(taught)).await.1["verdict"], "taught");
        let slot = Slot::put_on(FIRST, VirtualCard::classic(&[0xde, 0xad, 0xbe, 0xef]));
        assert_eq!(green(&page, &mut scans, false).await["verdict"], "accepted");
        slot.take_away();
        let message = ndef::write(&token_of(&stand.cards[4]));
        let rubbish: Vec<u8> = (0..8190u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let faults = [
            ("card_torn", VirtualCard::type_4(2048).holding(&message[..90], 90)),
            ("card_torn", VirtualCard::ntag(0x3e).holding(&message, 60_000)),
            ("card_mute", VirtualCard::classic(&[])),
            ("card_gone", VirtualCard { gone_after: Some(4), ..card(&stand.cards[4], VirtualCard::type_4(2048)) }),
        ];
        for (trouble, kind) in faults {
            let slot = Slot::put_on(FIRST, kind);
            assert_eq!(scans.trouble().await, trouble);
            slot.take_away();
        }
        let slot = Slot::put_on(FIRST, VirtualCard::type_4(8192).holding(&rubbish, rubbish.len()));
        let answer = green(&page, &mut scans, false).await;
        assert_eq!((&answer["verdict"], &answer["reason"]), (&json!("refused"), &json!("unknown_number")), "8 kB of something else");
        slot.take_away();
        // Two cards at once: the one that the service sees first may be read, the other never is.
        let one = Slot::put_on(FIRST, card(&stand.cards[4], VirtualCard::type_4(2048)));
        let other = Slot::put_on(SECOND, card(&stand.cards[5], VirtualCard::type_4(2048)));
        let mut troubles = 0;
        for _ in 0..2 {
            match scans.next().await {
                (name, data) if name == "trouble" => {
                    assert_eq!(data["trouble"], "two_cards");
                    troubles += 1;
                }
                (_, scan) => assert!(scan["text"] == json!(stand.cards[4]) || scan["text"] == json!(stand.cards[5]), "{scan}"),
            }
        }
        assert!(troubles >= 1, "both were read");
        one.take_away();
        other.take_away();
        let (_, day) = page.ask("get", "/api/v1/days/today", None).await;
        assert_eq!(day["count"], 4, "nothing else was recorded: {day}");
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs a pcscd with a virtual reader: scripts/check-cards"]
    async fn the_office_writes_a_token_that_the_counter_reads() {
        let office = office_writes();
        let slot = Slot::put_on(FIRST, VirtualCard::ntag(0x3e));
        let said = office.write(&[]);
        assert!(said.contains("reads back"), "{said}");
        let mut written = slot.take_away();
        written.reset();
        let Ok(teilhabe::shell::device::chip::Chip::Token(token)) = super::read(&mut written) else { panic!("a token is on it") };
        assert_eq!(token, token_of(&office.code));
        let url = [&[0xd1, 0x01, 0x0c, b'U', 0x04][..], b"example.org"].concat();
        let slot = Slot::put_on(FIRST, VirtualCard::type_4(2048).holding(&url, url.len()));
        let said = office.write(&[]);
        assert!(said.contains("holds something already, and nothing was written"), "{said}");
        assert!(office.write(&["--overwrite"]).contains("reads back"));
        slot.take_away();
        let slot = Slot::put_on(FIRST, VirtualCard::ntag(0x12));
        assert!(office.write(&[]).contains("has room for 144 bytes"));
        slot.take_away();
        let said = office.write(&["--reader", "no such reader"]);
        assert!(said.contains("there is no card reader with “no such reader” in its name"), "{said}");
        let said = office.write(&["--seconds", "1"]);
        assert!(said.contains("no card was put on the reader within 1 seconds"), "{said}");
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "stops the pcscd that scripts/check-cards has started"]
    async fn a_reader_that_is_unplugged_is_told_and_is_back_by_itself() {
        let stand = Stand::new(&["cards"]);
        let page = stand.page().await;
        stands(&page, "connected").await;
        let mut daemon = super::slot::Daemon::of_the_script();
        daemon.stop();
        stands(&page, "no_service").await;
        daemon.start();
        until("pcscd listens", || std::net::TcpStream::connect(("127.0.0.1", FIRST)).is_ok());
        stands(&page, "connected").await;
        let mut scans = page.scans().await;
        let slot = Slot::put_on(FIRST, card(&stand.cards[0], VirtualCard::type_4(2048)));
        assert_eq!(green(&page, &mut scans, true).await["verdict"], "accepted");
        slot.take_away();
    }
}
