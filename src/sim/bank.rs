//! What the bank says: payments are booked, and some come back; the same file is read twice.

use super::town::DEBTOR;
use super::world::World;
use super::{Broken, demand};
use crate::settle::account::Iban;
use crate::shell::sheet::bank::BankFile;
use crate::shell::sheet::camt::{Direction, Entry, Statement};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};

/// Why payments come back: no reason given, returned by the provider, account closed.
const WHY: [&str; 3] = ["MS03", "CUST", "AC04"];

/// The bank's file about one payment: it was booked, or it came back. Twice the same is once.
pub(super) fn file(world: &mut World, office: usize) -> Result<(), Broken> {
    let count = world.town.offices.get(office).map_or(0, |municipality| municipality.bank.len());
    let (place, comes_back, why) = (world.one_of(count), world.happens(60), world.one_of(WHY.len()));
    let why = WHY.get(why).copied().unwrap_or("MS03");
    let (now, today) = (world.now, CivilDay::of(world.now));
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    let Some(payment) = municipality.bank.get(place).filter(|payment| payment.returned_after.is_none()).cloned() else { return Ok(()) };
    let entry = Entry {
        end_to_end_id: Some(payment.id.clone()),
        order_id: None,
        cents: Cents::new(payment.cents),
        booked: today,
        direction: if comes_back { Direction::Credit } else { Direction::Debit },
        returned: comes_back.then(|| why.to_owned()),
    };
    let account = DEBTOR.parse().map_err(|_| Broken::new("the town can be set up", "the office's account"))?;
    let statement = Statement { account, id: format!("{}-{}", payment.id, today), entries: vec![entry] };
    for again in [false, true] {
        let hash = Hash::of(&[payment.id.as_bytes(), &now.0.to_be_bytes(), &[u8::from(again)]]);
        let taken = municipality.office.import_bank(&BankFile::Statements(vec![statement.clone()]), hash, "Anna", now);
        let taken = taken.map_err(|error| Broken::unexpected("a bank's file cannot be taken in", &error))?;
        let expected: &[String] = if comes_back && !again { std::slice::from_ref(&payment.id) } else { &[] };
        demand(taken.returned == expected, "what came back is owed again once", || format!("{payment:?}, again {again}: {taken:?}"))?;
    }
    if comes_back {
        let last: i64 = municipality
            .office
            .db()
            .query_row("SELECT coalesce(max(run), 0) FROM run_line", [], |row| row.get(0))
            .map_err(|error| Broken::unexpected("the runs cannot be read", &error))?;
        if let Some(payment) = municipality.bank.get_mut(place) {
            payment.returned_after = Some(last);
        }
        let provider = ProviderNumber(u32::try_from(payment.provider).unwrap_or(0));
        if why == "AC04" {
            // Nothing is paid to an account that gave a payment back for its own sake, before a clerk has looked at it.
            confirm_account(world, office, provider)?;
        }
    }
    world.note(&format!("office {office}: the bank says of {}: back {comes_back} {why}", payment.id));
    world.trace.count(if comes_back { format!("payments returned {why}") } else { "payments booked".to_owned() });
    Ok(())
}

fn confirm_account(world: &mut World, office: usize, provider: ProviderNumber) -> Result<(), Broken> {
    let (now, looks) = (world.now, world.happens(70));
    let Some(municipality) = world.town.offices.get_mut(office).filter(|_| looks) else { return Ok(()) };
    let failed = |error: &dyn std::fmt::Display| Broken::unexpected("a clerk cannot confirm an account", error);
    let sql = "SELECT iban FROM provider WHERE number = ?1";
    let iban: String = municipality.office.db().query_row(sql, [provider.0], |row| row.get(0)).map_err(|error| failed(&error))?;
    let iban = Iban::parse(&iban).map_err(|error| failed(&error))?;
    municipality.office.check_account(provider, &iban, "Anna", now).map_err(|error| failed(&error))?;
    Ok(())
}
