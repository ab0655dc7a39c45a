//! Claims, and what the offices answered.

use super::{Frame, Visit};
use crate::shell::door;
use crate::shell::store::terminal::{BatchState, DayLine};
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::view::Claim;
use askama::Template;
use axum::response::Response;

struct PendingOffice {
    name: String,
    entries: u64,
    oldest: String,
    heard: String,
    disputed: bool,
}

struct PaymentShown {
    id: String,
    execution: String,
    share: String,
    transfer: String,
}

struct LineShown {
    seq: u64,
    day: String,
    service: String,
    hint: String,
    cents: String,
    cancelled: bool,
    verdict: &'static str,
    verdict_name: &'static str,
    reason: String,
    granted: String,
}

struct ClaimShown {
    sealed: String,
    office: String,
    state: &'static str,
    state_name: &'static str,
    reason: String,
    payments: Vec<PaymentShown>,
    lines: Vec<LineShown>,
}

#[derive(Template)]
#[template(path = "terminal/month.html")]
struct MonthPage {
    frame: Frame,
    pending: Vec<PendingOffice>,
    claims: Vec<ClaimShown>,
}

/// Claims and answers.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let make = |terminal: &mut Terminal, frame: Frame| {
        let status = terminal.status(door::now())?;
        let pending = status.offices.iter().map(|o| PendingOffice {
            name: o.name.clone(),
            entries: o.pending.entries,
            oldest: o.pending.oldest.map(|at| frame.language().moment(at)).unwrap_or_default(),
            heard: if o.heard_at.0 > 0 { frame.language().moment(o.heard_at) } else { String::new() },
            disputed: o.disputed,
        });
        let pending = pending.collect();
        let claims = terminal.claims()?.iter().map(|claim| claim_shown(claim, terminal, &frame)).collect();
        Ok(MonthPage { frame, pending, claims })
    };
    visit.show(make).await
}

fn claim_shown(claim: &Claim, terminal: &Terminal, frame: &Frame) -> ClaimShown {
    let label = |line: &DayLine| terminal.offices().service(&line.service).map_or(line.service.to_string(), |(_, s)| s.label.clone());
    let payments = claim.payments.iter().map(|p| PaymentShown {
        id: p.end_to_end_id.clone(),
        execution: frame.language().day(p.execution),
        share: frame.language().money(p.share),
        transfer: frame.language().money(p.transfer),
    });
    ClaimShown {
        sealed: frame.language().moment(claim.batch.sealed_at),
        office: claim.office.to_string(),
        state: claim.batch.state.name(),
        state_name: state_name(claim.batch.state, frame),
        reason: claim.batch.reason.as_deref().map(|reason| frame.reason(reason)).unwrap_or_default(),
        payments: payments.collect(),
        lines: claim.lines.iter().map(|line| line_shown(line, label(line), claim.batch.state, frame)).collect(),
    }
}

fn line_shown(line: &DayLine, service: String, state: BatchState, frame: &Frame) -> LineShown {
    use crate::deliver::advice::Verdict;
    let (verdict, verdict_name) = match line.advised.as_ref().map(|a| a.verdict) {
        Some(Verdict::Accepted) => ("accepted", frame.t("month.accepted")),
        Some(Verdict::Reduced) => ("reduced", frame.t("month.reduced")),
        Some(Verdict::Rejected) => ("rejected", frame.t("month.rejected")),
        Some(Verdict::Pending) => ("pending", frame.t("month.in_question")),
        None if state == BatchState::Confirmed => ("pending", frame.t("month.received")),
        None => ("pending", frame.t("month.on_the_way")),
    };
    let reason = line.advised.as_ref().map(|a| a.reason.as_str()).filter(|r| !r.is_empty());
    LineShown {
        seq: line.seq,
        day: frame.language().day(line.day),
        service,
        hint: line.hint.clone().unwrap_or_default(),
        cents: frame.language().money(line.cents),
        cancelled: line.cancelled_by.is_some(),
        verdict,
        verdict_name,
        reason: reason.map(|r| frame.reason(r)).unwrap_or_default(),
        granted: line.advised.as_ref().map(|a| frame.language().money(a.cents)).unwrap_or_default(),
    }
}

/// How far a batch has come.
fn state_name(state: BatchState, frame: &Frame) -> &'static str {
    frame.t(match state {
        BatchState::Waiting => "month.waiting_state",
        BatchState::Confirmed => "month.confirmed_state",
        BatchState::WithClerk => "month.with_clerk_state",
        BatchState::Disputed => "month.disputed_state",
        BatchState::Superseded => "month.superseded_state",
    })
}
