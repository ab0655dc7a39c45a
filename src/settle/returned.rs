//! Why a bank gave a payment back (ISO 20022 external code set, `ExternalReturnReason1Code` and `ExternalStatusReason1Code`).

/// Whether the account is the reason: paying to it again would fail again, so that a corrected account must come first.
pub fn is_account_error(code: &str) -> bool {
    matches!(code, "AC01" | "AC02" | "AC03" | "AC04" | "AC06" | "AC07" | "AC14" | "AG01" | "BE01" | "BE04" | "RC01" | "MD07")
}

/// Whether it was rejected only because it was handed in twice: the first one may have been paid.
pub fn is_duplicate(code: &str) -> bool {
    matches!(code, "AM05" | "DU01" | "DU02" | "DU03" | "DU04" | "DU05")
}

/// The reason in a few words; a code that is not known here stands for itself.
pub fn german(code: &str) -> String {
    let words = match code {
        "AC01" | "AC02" | "AC03" => "Kontonummer falsch",
        "AC04" | "AC07" => "Konto aufgelöst",
        "AC06" => "Konto gesperrt",
        "AC14" | "AG01" => "Konto nimmt keine Überweisungen an",
        "AG02" => "Auftragsart nicht erlaubt",
        "AM04" => "Konto des Amts nicht gedeckt",
        "AM05" => "doppelt eingereicht",
        "BE01" | "BE04" => "Name oder Anschrift passt nicht zum Konto",
        "CUST" => "vom Anbieter zurückgegeben",
        "DT01" => "Ausführungstag ungültig",
        "FF01" => "Datei fehlerhaft",
        "FOCR" => "zurückgerufen",
        "MD07" => "Kontoinhaber verstorben",
        "MS02" | "MS03" => "ohne Angabe von Gründen",
        "RC01" => "Bankleitzahl falsch",
        "RR01" | "RR02" | "RR03" | "RR04" => "Angaben fehlen, die die Bank verlangt",
        "TM01" => "nach Annahmeschluss eingereicht",
        "UNKNOWN" | "NARR" | "" => "ohne Angabe von Gründen",
        other => return format!("Bankgrund {other}"),
    };
    format!("{words} ({})", if code.is_empty() { "kein Code" } else { code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_account_must_be_corrected_first_and_every_reason_has_words() {
        assert!(["AC01", "AC04", "AC06", "RC01"].into_iter().all(is_account_error));
        assert!(!["MS03", "AM04", "CUST", "UNKNOWN", ""].into_iter().any(is_account_error));
        assert_eq!(german("AC04"), "Konto aufgelöst (AC04)");
        assert_eq!(german("ZZ99"), "Bankgrund ZZ99");
        assert_eq!(german(""), "ohne Angabe von Gründen (kein Code)");
    }
}
