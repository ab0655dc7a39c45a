//! Who works in the sample town's office, and as what.

use crate::office::{Office, OfficeError, Role, Roles, SecondFactor};
use crate::words::chance::Chance;
use crate::words::time::UtcMs;
use std::fmt::Write;

/// Name, roles, and what to sign in as this clerk for.
const CLERKS: [(&str, &[Role], &str); 3] = [
    ("Anna", &[Role::Issue, Role::Reconcile], "cases and cards, findings, drawing up payments"),
    ("Bernd", &[Role::Reconcile, Role::Release], "releasing what Anna drew up, confirming a change of keys that Cem proposes"),
    ("Cem", &[Role::Admin, Role::Audit], "accounts, settings, the audit log; sees all, decides nothing"),
];

/// Admits the clerks with passwords of their own, no phone needed; answers what to tell people, a line each.
pub fn admit(office: &mut Office, chance: &mut Chance, now: UtcMs) -> Result<String, OfficeError> {
    let mut told = String::new();
    for (name, roles, purpose) in CLERKS {
        let letters = data_encoding::BASE32HEX_NOPAD.encode(&chance.bytes::<10>()).to_lowercase();
        let (first, second) = letters.split_at(letters.len() / 2);
        let password = format!("{first}-{second}");
        office.set_clerk(name, &password, now)?;
        office.set_roles(name, &Roles::of(roles))?;
        let _ = writeln!(told, "    {name:<6} {password}   {purpose}");
    }
    office.set_second_factor("cli", SecondFactor::Optional, now)?;
    Ok(told)
}
