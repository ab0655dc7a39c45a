//! The form in which a clerk enters an approval, and what it says: one sentence for each thing that is missing or wrong.

use crate::admit::issue::Approval;
use crate::admit::token::{Allowance, Ceiling, MAX_HINT};
use crate::office::{NewApproval, Source, months_words};
use crate::shell::legal::Legal;
use crate::shell::sheet::children::{FIRST_YEAR, LAST_YEAR, MAX_CENTS, MAX_MONTHS, MAX_UNITS};
use crate::shell::sheet::reference::{BadReference, CaseReference};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use crate::words::legal_basis::LegalBasis;
use serde::Deserialize;

/// The name under which approvals from this form are on record; the record is the form's own id.
pub const SOURCE: &str = "form";

/// What was typed, field by field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApprovalForm {
    /// The form's own id: the same form sent twice acts once.
    pub form: String,
    /// The case.
    pub reference: String,
    /// The legal basis by its code.
    pub basis: String,
    /// The first month.
    pub from: String,
    /// The last month.
    pub to: String,
    /// The month of birth, to find the last month of participation; it is not stored.
    pub born: String,
    /// A hint for the counter.
    pub hint: String,
    /// The provider that wins a tie.
    pub home: String,
    /// Whether lunch is granted.
    pub lunch: String,
    /// Whether participation is granted, how it may be used, and how much a month.
    pub participation: String,
    /// `validity`, `accrued` or `month`.
    pub participation_period: String,
    /// Euros a month.
    pub participation_euros: String,
    /// Whether tutoring is granted.
    pub tutoring: String,
    /// The subject's code.
    pub tutoring_subject: String,
    /// How many lessons.
    pub tutoring_units: String,
    /// `validity` or `week`.
    pub tutoring_period: String,
    /// The only provider.
    pub tutoring_provider: String,
    /// Whether a day trip is granted.
    pub day_trip: String,
    /// Up to how many euros.
    pub day_trip_euros: String,
    /// For which event.
    pub day_trip_event: String,
    /// Whether a class trip is granted.
    pub class_trip: String,
    /// Up to how many euros.
    pub class_trip_euros: String,
    /// For which event.
    pub class_trip_event: String,
}

/// What a form says, once it is right.
#[derive(Debug)]
pub struct Entered {
    /// One approval, or two where participation ends earlier than the rest.
    pub approvals: Vec<NewApproval>,
    /// Which months were cut, and why.
    pub cut: Option<String>,
}

/// Something wrong with a field: the field's id and a sentence.
pub type Wrong = (&'static str, String);

/// What a form says, or everything that is wrong with it.
pub fn read(form: &ApprovalForm, legal: &Legal, today: CivilDay) -> Result<Entered, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let reference = reference(form.reference.trim()).map_err(|why| wrong.push(("reference", why))).ok();
    let basis = LegalBasis::parse(&form.basis);
    if basis.is_none() {
        wrong.push(("basis", "Der Rechtskreis fehlt: bitte einen wählen.".to_owned()));
    }
    let months = months(form, &mut wrong);
    if form.hint.trim().chars().count() > MAX_HINT || form.hint.chars().any(char::is_control) {
        wrong.push(("hint", format!("Der Hinweis ist zu lang: höchstens {MAX_HINT} Zeichen.")));
    }
    let born = born(form, today).map_err(|why| wrong.push(("born", why))).ok().flatten();
    let (from, to) = months.unwrap_or((today.month(), today.month()));
    let cut = participation_end(form, legal, born, (from, to), today, &mut wrong);
    let participation = participation(form, (from, cut.as_ref().map_or(to, |(month, _)| *month)), &mut wrong);
    let others: Vec<Allowance> = [lunch(form, legal, today), tutoring(form, &mut wrong), trip(form, Benefit::DayTrip, &mut wrong)]
        .into_iter()
        .flatten()
        .chain(trip(form, Benefit::ClassTrip, &mut wrong))
        .collect();
    if participation.is_none() && others.is_empty() && wrong.is_empty() {
        wrong.push(("lunch", "Es ist keine Leistung gewählt: bitte mindestens eine ankreuzen.".to_owned()));
    }
    let (Some(reference), true) = (reference, wrong.is_empty()) else { return Err(wrong) };
    let end = cut.as_ref().map_or(to, |(month, _)| *month);
    let parts: Vec<(CivilMonth, Vec<Allowance>)> = match participation {
        Some(participation) if end < to && !others.is_empty() => vec![(to, others), (end, vec![participation])],
        Some(participation) => vec![(end, others.into_iter().chain([participation]).collect())],
        None => vec![(to, others)],
    };
    let approvals = parts.into_iter().zip(1..).map(|((to, allowances), part)| NewApproval {
        line: None,
        reference: reference.clone(),
        basis,
        approval: Approval {
            from,
            to,
            allowances: in_order(allowances),
            hint: filled(&form.hint),
            home_providers: provider(&form.home).into_iter().collect(),
        },
        source: Source { name: SOURCE.to_owned(), record: Some(format!("{}/{part}", form.form)) },
    });
    Ok(Entered { approvals: approvals.collect(), cut: cut.map(|(_, why)| why) })
}

fn in_order(mut allowances: Vec<Allowance>) -> Vec<Allowance> {
    allowances.sort_by_key(|allowance| allowance.benefit.code());
    allowances
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn provider(text: &str) -> Option<ProviderNumber> {
    text.trim().parse().ok().map(ProviderNumber)
}

/// The case reference, or why it is none.
pub fn reference(text: &str) -> Result<CaseReference, String> {
    CaseReference::parse(text).map_err(|why| {
        match why {
            BadReference::Missing => "Das Aktenzeichen fehlt.",
            BadReference::Unfit => "Das Aktenzeichen ist zu lang: höchstens 64 Zeichen in einer Zeile.",
            BadReference::Rounded => "Das Aktenzeichen hat eine Tabelle gerundet (1,23E+11): bitte die ganze Nummer eingeben.",
            BadReference::Formula => "Ein Aktenzeichen beginnt nicht mit =, +, - oder @.",
        }
        .to_owned()
    })
}

fn months(form: &ApprovalForm, wrong: &mut Vec<Wrong>) -> Option<(CivilMonth, CivilMonth)> {
    let years = CivilMonth::from_ym(FIRST_YEAR, 1)..=CivilMonth::from_ym(LAST_YEAR, 12);
    let mut month = |field, name, text: &str| {
        let month = CivilMonth::parse(text).filter(|month| years.contains(&Some(*month)));
        if month.is_none() {
            wrong.push((field, format!("„{name}“ ist kein Monat: bitte wie 08/2026 schreiben.")));
        }
        month
    };
    let (from, to) = (month("from", "Von", &form.from)?, month("to", "Bis", &form.to)?);
    if to < from {
        wrong.push(("to", "Der Zeitraum endet vor seinem Beginn: bitte von und bis prüfen.".to_owned()));
        return None;
    }
    if to.since(from) + 1 > MAX_MONTHS {
        wrong.push(("to", format!("Der Zeitraum hat {} Monate, möglich sind höchstens {MAX_MONTHS}.", to.since(from) + 1)));
        return None;
    }
    Some((from, to))
}

fn born(form: &ApprovalForm, today: CivilDay) -> Result<Option<CivilMonth>, String> {
    if form.born.trim().is_empty() {
        return Ok(None);
    }
    CivilMonth::parse(&form.born)
        .filter(|month| *month <= today.month())
        .map(Some)
        .ok_or_else(|| "Der Geburtsmonat ist kein Monat bis heute: bitte wie 03/2012 schreiben.".to_owned())
}

/// The last month of participation where age ends it before the period does, and the sentence that says so.
fn participation_end(
    form: &ApprovalForm,
    legal: &Legal,
    born: Option<CivilMonth>,
    (from, to): (CivilMonth, CivilMonth),
    today: CivilDay,
    wrong: &mut Vec<Wrong>,
) -> Option<(CivilMonth, String)> {
    if form.participation.is_empty() || !legal.asks_age(Benefit::Participation, today) {
        return None;
    }
    let Some(born) = born else {
        wrong.push(("born", "Für Teilhabe wird der Geburtsmonat gebraucht, um den letzten Monat zu finden. Er wird nicht gespeichert.".to_owned()));
        return None;
    };
    let last = legal.last_by_age(Benefit::Participation, born, today).filter(|last| last.month < to)?;
    if last.month < from {
        wrong.push(("participation", format!("In diesem Zeitraum ist das Kind schon {}: Teilhabe ist nicht möglich.", last.years)));
        return None;
    }
    let sentence = format!(
        "Teilhabe endet mit {} statt {}: In diesem Monat wird das Kind {} ({}). {} entfallen.",
        last.month.german(),
        to.german(),
        last.years,
        last.source,
        months_words(last.month.plus(1), to)
    );
    Some((last.month, sentence))
}

fn one(benefit: Benefit, ceiling: Ceiling) -> Allowance {
    Allowance { benefit, ceilings: vec![ceiling], detail: None, providers: Vec::new() }
}

fn lunch(form: &ApprovalForm, legal: &Legal, today: CivilDay) -> Option<Allowance> {
    if form.lunch.is_empty() {
        return None;
    }
    let usual = legal.usual(Benefit::Lunch, today)?;
    Some(one(Benefit::Lunch, Ceiling { period: usual.period, measure: usual.measure, amount: usual.amount? }))
}

fn participation(form: &ApprovalForm, (from, to): (CivilMonth, CivilMonth), wrong: &mut Vec<Wrong>) -> Option<Allowance> {
    if form.participation.is_empty() {
        return None;
    }
    let monthly = euros("participation_euros", &form.participation_euros, wrong)?;
    let months = u64::from(to.since(from)) + 1;
    let ceiling = match Period::parse(&form.participation_period) {
        Some(period @ (Period::Month | Period::Accrued)) => Ceiling { period, measure: Measure::Cents, amount: monthly },
        _ => Ceiling { period: Period::Validity, measure: Measure::Cents, amount: monthly.saturating_mul(months).min(MAX_CENTS) },
    };
    Some(one(Benefit::Participation, ceiling))
}

fn tutoring(form: &ApprovalForm, wrong: &mut Vec<Wrong>) -> Option<Allowance> {
    if form.tutoring.is_empty() {
        return None;
    }
    let amount = form.tutoring_units.trim().parse().ok().filter(|units| (1..=MAX_UNITS).contains(units));
    if amount.is_none() {
        wrong.push(("tutoring_units", format!("Die Zahl der Einheiten fehlt: eine ganze Zahl von 1 bis {MAX_UNITS}.")));
    }
    let detail = code("tutoring_subject", &form.tutoring_subject, wrong);
    let period = if form.tutoring_period == Period::Week.name() { Period::Week } else { Period::Validity };
    let ceilings = vec![Ceiling { period, measure: Measure::Units, amount: amount? }];
    Some(Allowance { benefit: Benefit::Tutoring, ceilings, detail, providers: provider(&form.tutoring_provider).into_iter().collect() })
}

fn trip(form: &ApprovalForm, benefit: Benefit, wrong: &mut Vec<Wrong>) -> Option<Allowance> {
    let (chosen, amount, event, fields) = match benefit {
        Benefit::DayTrip => (&form.day_trip, &form.day_trip_euros, &form.day_trip_event, ("day_trip_euros", "day_trip_event")),
        _ => (&form.class_trip, &form.class_trip_euros, &form.class_trip_event, ("class_trip_euros", "class_trip_event")),
    };
    if chosen.is_empty() {
        return None;
    }
    let amount = euros(fields.0, amount, wrong);
    let detail = code(fields.1, event, wrong);
    let ceilings = vec![Ceiling { period: Period::Validity, measure: Measure::Cents, amount: amount? }];
    Some(Allowance { benefit, ceilings, detail, providers: Vec::new() })
}

fn euros(field: &'static str, text: &str, wrong: &mut Vec<Wrong>) -> Option<u64> {
    let cents = Cents::parse_euros(text).map(Cents::to_field).filter(|cents| (1..=MAX_CENTS).contains(cents));
    if cents.is_none() {
        wrong.push((field, "Der Betrag fehlt oder ist keiner: bitte wie 15,00 schreiben, höchstens 10.000 €.".to_owned()));
    }
    cents
}

fn code(field: &'static str, text: &str, wrong: &mut Vec<Wrong>) -> Option<Code> {
    let text = filled(text)?;
    let code = Code::parse(&text);
    if code.is_none() {
        wrong.push((field, "Ein Kürzel hat 1 bis 24 Zeichen: Buchstaben ohne Umlaute, Ziffern, Punkt, Strich, keine Leerzeichen.".to_owned()));
    }
    code
}

impl ApprovalForm {
    /// An empty form with what is usual today.
    pub fn fresh(form: String, legal: &Legal, today: CivilDay) -> Self {
        let monthly = legal.cents_of(Benefit::Participation, today.month());
        let usual = legal.usual(Benefit::Participation, today).map_or(Period::Validity, |usual| usual.period);
        Self {
            form,
            from: today.month().german(),
            participation_period: usual.name().to_owned(),
            participation_euros: monthly.and_then(|cents| i64::try_from(cents).ok()).map(typed).unwrap_or_default(),
            tutoring_period: Period::Validity.name().to_owned(),
            ..Self::default()
        }
    }

    /// A form for the period that follows an approval, as long as this one was, with the same benefits but trips.
    pub fn following(mut self, reference: String, basis: Option<LegalBasis>, before: &Approval) -> Self {
        let months = before.to.since(before.from);
        let from = before.to.plus(1);
        (self.reference, self.basis) = (reference, basis.map(|basis| basis.code().to_owned()).unwrap_or_default());
        (self.from, self.to) = (from.german(), from.plus(months).german());
        self.hint = before.hint.clone().unwrap_or_default();
        self.home = before.home_providers.first().map(ToString::to_string).unwrap_or_default();
        for allowance in &before.allowances {
            self.take_over(allowance, u64::from(months) + 1);
        }
        self
    }

    fn take_over(&mut self, allowance: &Allowance, months: u64) {
        let Some(ceiling) = allowance.ceilings.first() else { return };
        match allowance.benefit {
            Benefit::Lunch => self.lunch = "on".to_owned(),
            Benefit::Participation => {
                let monthly = if ceiling.period == Period::Validity { ceiling.amount / months.max(1) } else { ceiling.amount };
                self.participation = "on".to_owned();
                self.participation_period = ceiling.period.name().to_owned();
                self.participation_euros = i64::try_from(monthly).map(typed).unwrap_or_default();
            }
            Benefit::Tutoring => {
                self.tutoring = "on".to_owned();
                self.tutoring_units = ceiling.amount.to_string();
                self.tutoring_period = ceiling.period.name().to_owned();
                self.tutoring_subject = allowance.detail.as_ref().map(|detail| detail.as_str().to_owned()).unwrap_or_default();
                self.tutoring_provider = allowance.providers.first().map(ToString::to_string).unwrap_or_default();
            }
            Benefit::DayTrip | Benefit::ClassTrip => {}
        }
    }

    /// The name and value of every field, for a page that hands the form on.
    pub fn fields(&self) -> [(&'static str, &str); 23] {
        [
            ("form", &self.form),
            ("reference", &self.reference),
            ("basis", &self.basis),
            ("from", &self.from),
            ("to", &self.to),
            ("born", &self.born),
            ("hint", &self.hint),
            ("home", &self.home),
            ("lunch", &self.lunch),
            ("participation", &self.participation),
            ("participation_period", &self.participation_period),
            ("participation_euros", &self.participation_euros),
            ("tutoring", &self.tutoring),
            ("tutoring_subject", &self.tutoring_subject),
            ("tutoring_units", &self.tutoring_units),
            ("tutoring_period", &self.tutoring_period),
            ("tutoring_provider", &self.tutoring_provider),
            ("day_trip", &self.day_trip),
            ("day_trip_euros", &self.day_trip_euros),
            ("day_trip_event", &self.day_trip_event),
            ("class_trip", &self.class_trip),
            ("class_trip_euros", &self.class_trip_euros),
            ("class_trip_event", &self.class_trip_event),
        ]
    }
}

/// `15,00`, as it is typed.
fn typed(cents: i64) -> String {
    Cents::new(cents).decimal().replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::legal::COMPILED;

    fn today() -> CivilDay {
        CivilDay::parse("2026-11-25").expect("a day")
    }

    fn form() -> ApprovalForm {
        let legal = Legal::parse(COMPILED).expect("the compiled file");
        let (to, born) = ("07/2027".to_owned(), "03/2009".to_owned());
        ApprovalForm { reference: "4711".into(), basis: "sgb2".into(), to, born, ..ApprovalForm::fresh("f".into(), &legal, today()) }
    }

    fn entered(form: &ApprovalForm) -> Result<Entered, Vec<Wrong>> {
        read(form, &Legal::parse(COMPILED).expect("the compiled file"), today())
    }

    #[test]
    fn participation_ends_with_the_eighteenth_birthday_and_lunch_goes_on() {
        let both = entered(&ApprovalForm { lunch: "on".into(), participation: "on".into(), ..form() }).expect("right");
        let periods: Vec<_> = both.approvals.iter().map(|new| (new.approval.to.german(), new.approval.allowances[0].benefit)).collect();
        assert_eq!(periods, [("07/2027".to_owned(), Benefit::Lunch), ("03/2027".to_owned(), Benefit::Participation)]);
        assert_eq!(both.approvals[1].approval.allowances[0].ceilings[0].amount, 5 * 1500, "November to March");
        let cut = both.cut.expect("a cut");
        assert!(cut.starts_with("Teilhabe endet mit 03/2027 statt 07/2027: In diesem Monat wird das Kind 18"), "{cut}");
        let young = entered(&ApprovalForm { participation: "on".into(), born: "03/2015".into(), ..form() }).expect("right");
        assert_eq!((young.approvals.len(), young.cut, young.approvals[0].approval.to.german()), (1, None, "07/2027".to_owned()));
        let lunch = entered(&ApprovalForm { lunch: "on".into(), born: String::new(), ..form() }).expect("lunch asks no age");
        assert_eq!(lunch.approvals.len(), 1);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let fields = |form: ApprovalForm| entered(&form).expect_err("wrong").into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert_eq!(fields(form()), ["lunch"]);
        let on = || "on".to_owned();
        let bad = ApprovalForm { reference: "=1".into(), basis: String::new(), to: "13/2027".into(), lunch: on(), ..form() };
        assert_eq!(fields(bad), ["reference", "basis", "to"]);
        assert_eq!(fields(ApprovalForm { participation: on(), born: String::new(), ..form() }), ["born"]);
        assert_eq!(fields(ApprovalForm { participation: on(), born: "03/2005".into(), ..form() }), ["participation"]);
        assert_eq!(fields(ApprovalForm { participation: on(), participation_euros: "x".into(), ..form() }), ["participation_euros"]);
        assert_eq!(fields(ApprovalForm { tutoring: on(), tutoring_subject: "Mäthe 1".into(), ..form() }), ["tutoring_units", "tutoring_subject"]);
        assert_eq!(fields(ApprovalForm { day_trip: on(), class_trip: on(), ..form() }), ["day_trip_euros", "class_trip_euros"]);
        assert_eq!(fields(ApprovalForm { lunch: on(), to: "12/2029".into(), ..form() }), ["to"]);
        assert_eq!(fields(ApprovalForm { lunch: on(), to: "10/2026".into(), hint: "dreizehn Zeich".into(), ..form() }), ["to", "hint"]);
    }

    #[test]
    fn the_next_period_is_as_long_and_grants_the_same_but_trips() {
        let before = entered(&ApprovalForm {
            lunch: "on".into(),
            participation: "on".into(),
            born: "03/2015".into(),
            day_trip: "on".into(),
            day_trip_euros: "20".into(),
            ..form()
        });
        let before = before.expect("right").approvals.remove(0);
        let next = form().following("4711".into(), Some(LegalBasis::Bkgg), &before.approval);
        assert_eq!((next.from.as_str(), next.to.as_str(), next.basis.as_str()), ("08/2027", "04/2028", "bkgg"));
        assert_eq!((next.lunch.as_str(), next.participation_euros.as_str(), next.day_trip.as_str()), ("on", "15,00", ""));
    }
}
