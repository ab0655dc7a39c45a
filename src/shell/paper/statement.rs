//! The provider's statement as a page: one HTML file that needs nothing else, read on the screen or printed on A4.

use crate::deliver::advice::Verdict;
use crate::settle::run::short_id;
use crate::settle::settlement::{Credit, LineKind};
use crate::settle::statement::{BatchStatement, Outcome, Statement, StatementLine, Sums};
use crate::words::cents::Cents;
use crate::words::ids::ServiceCode;
use crate::words::reason::Reason;
use askama::Template;

/// What a statement says in words that the run does not know.
pub struct Words<'a> {
    /// The office's name.
    pub office: &'a str,
    /// A reason's German sentence for the provider.
    pub reason: &'a dyn Fn(Reason) -> String,
    /// The label of the provider's service; its code where it has none.
    pub service: &'a dyn Fn(&ServiceCode) -> String,
}

/// What every statement ends with.
pub const QUESTIONS: &str = "Fragen zu einer Zeile? Nennen Sie uns Lesegerät und Nummer. Namen von Kindern stehen in dieser Mitteilung nicht; \
                             bitte schreiben Sie auch in Rückfragen keine.";

/// Renders the page. Every text is escaped; an error is a fault of the template, never of the data.
pub fn statement_html(statement: &Statement, words: &Words<'_>) -> Result<String, askama::Error> {
    Page::of(statement, words).render()
}

/// A statement in words: rendered it is the page, and the PDF is set of it.
#[derive(Template)]
#[template(path = "statement.html")]
pub struct Page<'a> {
    pub(super) office: &'a str,
    pub(super) provider: &'a str,
    pub(super) provider_number: String,
    pub(super) reference: String,
    pub(super) run: String,
    pub(super) outcome: &'a Outcome,
    pub(super) iban: String,
    pub(super) with_already: bool,
    pub(super) counts: String,
    pub(super) batches: Vec<Batch>,
    pub(super) sums: Amounts,
    /// What the provider paid back by himself: when, and how much.
    pub(super) credits: Vec<(String, String)>,
    execution_date: String,
    /// What lines and repayments come to.
    pub(super) amount: String,
    owed: String,
}

pub(super) struct Batch {
    pub(super) id: String,
    pub(super) lines: Vec<Row>,
    pub(super) sums: Amounts,
}

pub(super) struct Row {
    pub(super) day: String,
    pub(super) terminal: String,
    pub(super) number: u64,
    pub(super) service: String,
    pub(super) cancellation: bool,
    pub(super) units: u64,
    pub(super) amounts: Amounts,
    pub(super) verdict: &'static str,
    pub(super) reason: String,
}

pub(super) struct Amounts {
    pub(super) claimed: String,
    pub(super) accepted: String,
    pub(super) already: String,
    pub(super) pay: String,
}

impl<'a> Page<'a> {
    /// What a statement says, in words; page and PDF are made of it.
    pub fn of(statement: &'a Statement, words: &Words<'a>) -> Self {
        Self {
            office: words.office,
            provider: statement.account.name(),
            provider_number: statement.provider.to_string(),
            reference: statement.run.end_to_end_id(statement.provider).to_string(),
            run: statement.run.number.to_string(),
            execution_date: statement.run.execution_date.german(),
            iban: statement.account.iban().to_string(),
            outcome: &statement.outcome,
            amount: money(statement.due),
            owed: money(Cents::ZERO.minus(statement.due)),
            with_already: statement.batches.iter().flat_map(|batch| &batch.lines).any(|line| line.sums.already != Cents::ZERO),
            counts: counts(statement),
            batches: statement.batches.iter().map(|batch| Batch::of(batch, words)).collect(),
            sums: Amounts::of(&statement.sums),
            credits: statement.credits.iter().map(|credit| (credit_words(credit), money(credit.pay()))).collect(),
        }
    }

    /// The sum and what it is.
    pub(super) fn headline(&self) -> String {
        match self.outcome {
            Outcome::Paid(_) | Outcome::Balanced => self.amount.clone(),
            Outcome::Returned { .. } => format!("Zurückgekommen: {}", self.amount),
            Outcome::CarriedOver => format!("Übertrag: {}", self.amount),
        }
    }

    /// What becomes of the sum.
    pub(super) fn sentence(&self) -> String {
        match self.outcome {
            Outcome::Paid(_) => format!("Diesen Betrag überweisen wir Ihnen zum {}.", self.execution_date),
            Outcome::Balanced => "Es wird nichts überwiesen: Die Beträge dieser Mitteilung gleichen sich aus.".to_owned(),
            Outcome::Returned { on, reason, .. } => format!(
                "Diese Überweisung kam am {} von der Bank zurück: {}. Sie haben das Geld nicht bekommen. Alle Zeilen dieser Mitteilung{} sind \
                 wieder offen und werden mit einer neuen Überweisung gezahlt. Stimmt Ihre Kontonummer noch?",
                on.german(),
                crate::settle::returned::german(reason),
                if self.credits.is_empty() { "" } else { " und die Rückzahlungen" },
            ),
            Outcome::CarriedOver if !self.credits.is_empty() => format!(
                "Es wird nichts überwiesen. Mit den unten genannten Rückzahlungen sind noch {} zurückzunehmen. Alle Zeilen dieser Mitteilung und die \
                 Rückzahlungen bleiben offen und werden mit Ihren nächsten Abrechnungen verrechnet.",
                self.owed
            ),
            Outcome::CarriedOver => format!(
                "Es wird nichts überwiesen. Zurückzunehmen sind {} mehr, als neu anerkannt wurde. Sie müssen nichts zahlen: Alle Zeilen dieser \
                 Mitteilung bleiben offen und werden mit Ihren nächsten Abrechnungen verrechnet.",
                self.owed
            ),
        }
    }
}

impl Batch {
    fn of(batch: &BatchStatement, words: &Words<'_>) -> Self {
        let lines = batch.lines.iter().map(|line| Row::of(line, words)).collect();
        Self { id: short_id(&batch.batch.0), lines, sums: Amounts::of(&batch.sums) }
    }
}

impl Row {
    fn of(line: &StatementLine, words: &Words<'_>) -> Self {
        Self {
            day: line.service_day.german(),
            terminal: line.terminal.clone(),
            number: line.seq,
            service: (words.service)(&line.service),
            cancellation: line.kind == LineKind::Cancellation,
            units: line.units,
            amounts: Amounts::of(&line.sums),
            verdict: verdict(line.verdict),
            reason: line.reason.map(words.reason).unwrap_or_default(),
        }
    }
}

impl Amounts {
    fn of(sums: &Sums) -> Self {
        Self { claimed: money(sums.claimed), accepted: money(sums.accepted), already: money(sums.already), pay: money(sums.pay) }
    }
}

const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pending => "noch offen",
        Verdict::Accepted => "anerkannt",
        Verdict::Reduced => "teilweise anerkannt",
        Verdict::Rejected => "nicht anerkannt",
    }
}

fn credit_words(credit: &Credit) -> String {
    let day = credit.day.german();
    match credit {
        Credit { total, .. } if *total < Cents::ZERO => format!("Rückzahlung vom {day}, zurückgenommen"),
        Credit { already, .. } if *already != Cents::ZERO => format!("Rückzahlung vom {day}, schon früher angerechnet"),
        _ => format!("Ihre Rückzahlung vom {day}"),
    }
}

/// A typeset minus, which lines up with digits and is never taken for a hyphen.
fn money(cents: Cents) -> String {
    cents.to_string().replace('-', "−")
}

/// `42 Zeilen: 40 anerkannt, 2 nicht anerkannt`.
fn counts(statement: &Statement) -> String {
    let lines = || statement.batches.iter().flat_map(|batch| &batch.lines);
    let parts: Vec<String> = [Verdict::Accepted, Verdict::Reduced, Verdict::Rejected, Verdict::Pending]
        .into_iter()
        .map(|wanted| (wanted, lines().filter(|line| line.verdict == wanted).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(of, count)| format!("{count} {}", verdict(of)))
        .collect();
    let count = lines().count();
    if count == 0 {
        return "keine Zeilen".to_owned();
    }
    format!("{count} {}: {}", if count == 1 { "Zeile" } else { "Zeilen" }, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::account::{Account, Iban};
    use crate::settle::clerk::Clerk;
    use crate::settle::run::{Run, RunNumber};
    use crate::settle::settlement::{Draft, PayableLine};
    use crate::settle::statement::statements;
    use crate::words::benefit::Benefit;
    use crate::words::civil::CivilDay;
    use crate::words::code::Code;
    use crate::words::ids::{BatchId, EntryId, OfficeId, ProviderNumber, TerminalId};
    use crate::words::legal_basis::LegalBasis;
    use crate::words::time::UtcMs;
    use std::collections::BTreeMap;

    fn line(batch: u8, seq: u64, (claimed, total, already): (i64, i64, i64), reason: Option<Reason>) -> PayableLine {
        PayableLine {
            entry: EntryId { terminal: TerminalId([0x3f; 16]), seq },
            batch: BatchId([batch; 16]),
            provider: ProviderNumber(12),
            benefit: Benefit::Lunch,
            service: Code::parse("lunch").expect("a code"),
            service_day: CivilDay::parse("2026-11-23").expect("a day"),
            kind: if claimed < 0 { LineKind::Cancellation } else { LineKind::Redemption },
            units: 1,
            verdict: match total {
                _ if total == claimed => Verdict::Accepted,
                0 => Verdict::Rejected,
                _ => Verdict::Reduced,
            },
            claimed: Cents::new(claimed),
            total: Cents::new(total),
            already: Cents::new(already),
            reason,
            legal_basis: Some(LegalBasis::Asylblg),
        }
    }

    fn page(provider: &str, lines: Vec<PayableLine>) -> String {
        let now = UtcMs::parse_rfc3339("2026-12-01T08:00:00Z").expect("a time");
        let run = Run {
            office: OfficeId::parse("05562032").expect("an office id"),
            number: RunNumber::new(7).expect("a number"),
            execution_date: CivilDay::parse("2026-12-03").expect("a day"),
        };
        let iban = Iban::parse("DE44500105175407324931").expect("an IBAN");
        let accounts = BTreeMap::from([(ProviderNumber(12), Account::new(provider, iban, None).expect("a name"))]);
        let clerk = |name| Clerk::new(name).expect("a name");
        let once = Draft::new(run, lines, &accounts, now).expect("a draft").sign(clerk("Anna"), now);
        let released = once.sign(clerk("Berta"), now).expect("two clerks");
        let words = Words {
            office: "Stadt Recklinghausen",
            reason: &|reason| format!("Grund <{}>.", reason.code()),
            service: &|code| format!("Mittagessen ({code})"),
        };
        let html: Vec<String> = statements(&released).iter().map(|s| statement_html(s, &words).expect("a page")).collect();
        html.concat()
    }

    #[test]
    fn a_page_shows_every_line_and_the_sum_that_is_paid() {
        let lines = vec![
            line(1, 1, (450, 450, 0), None),
            line(1, 2, (450, 400, 0), Some(Reason::PriceDiffers)),
            line(2, 3, (123_450, 123_450, 0), None),
            line(2, 4, (450, 0, 0), Some(Reason::Duplicate)),
            line(2, 5, (-450, -450, 0), None),
        ];
        let html = page("Mensa am Park gGmbH", lines);
        assert!(html.contains("<p class=\"sum\">1.238,50\u{a0}€</p>"), "{html}");
        for text in [
            "5 Zeilen: 3 anerkannt, 1 teilweise anerkannt, 1 nicht anerkannt",
            "zum 03.12.2026",
            "DE44 5001 0517 5407 3249 31",
            "<dd>05562032-R7P12</dd>",
            "BuT 11/2026 Lauf 7 Abrechnung 01010101 02020202",
            "<td class=\"id\">3f3f3f3f</td><td class=\"n\">2</td>",
            "<tr class=\"explained\"><td class=\"d\">",
            "<td>teilweise anerkannt</td></tr>\n<tr class=\"why\"><td colspan=\"9\">Grund &#60;price_differs&#62;.</td></tr>",
            "Storno: Mittagessen (lunch)",
            "<td class=\"n\">−4,50\u{a0}€</td>",
            "Alle Abrechnungen dieser Mitteilung",
        ] {
            assert!(html.contains(text), "{text} is missing in {html}");
        }
        assert!(!html.contains("schon"), "nothing was settled before");
    }

    #[test]
    fn what_was_settled_before_is_named_and_what_is_owed_waits() {
        let owed = page("Mensa", vec![line(1, 1, (450, 0, 450), Some(Reason::ClerkDecision)), line(2, 2, (300, 300, 0), None)]);
        assert!(owed.contains("<p class=\"sum\">Übertrag: −1,50\u{a0}€</p>"), "{owed}");
        assert!(owed.contains("Zurückzunehmen sind 1,50\u{a0}€ mehr"), "{owed}");
        assert!(owed.contains("abgerechnet</th>") && !owed.contains("überweisen wir Ihnen"), "{owed}");
        let balanced = page("Mensa", vec![line(1, 1, (450, 0, 450), None), line(2, 2, (450, 450, 0), None)]);
        assert!(balanced.contains("gleichen sich aus") && !balanced.contains("überweisen wir Ihnen"), "{balanced}");
    }

    #[test]
    fn a_page_needs_nothing_else_and_betrays_nothing() {
        let html = page("<script>alert('1')</script> & \"Söhne\" 🍲", vec![line(1, 1, (450, 450, 0), None)]);
        assert!(html.contains("&#60;script&#62;") && html.contains("Söhne") && html.contains('🍲'), "{html}");
        for absent in ["<script", "src=", "href=", "url(", "@import", "Asyl", "asylblg", "SGB"] {
            assert!(!html.contains(absent), "{absent} stands in {html}");
        }
    }
}
