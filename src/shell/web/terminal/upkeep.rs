//! What the box does by itself, beside exchanging: claims the months that are due, and makes up for what is held where a card now allows it.

use super::App;
use super::events::News;
use crate::shell::door;
use crate::shell::web::problem::Problem;
use std::time::Duration;

/// How often it looks, beside at the start and after every exchange.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Looks at the start, after every exchange and once an hour. Never ends.
pub(super) async fn now_and_then(app: App) {
    loop {
        match once(&app).await {
            Ok(0) => {}
            Ok(_) => {
                app.recorded.notify_one();
                app.events.tell(News::Recorded);
            }
            Err(problem) => tracing::warn!("{}", problem.detail),
        }
        // The time-out is the hour; whether it was that or an exchange makes no difference.
        let _ = tokio::time::timeout(EVERY, app.heard.notified()).await;
    }
}

/// Does all that is due, a little at a time, so that a scan at the counter never waits for it. Answers how much was recorded.
pub(super) async fn once(app: &App) -> Result<usize, Problem> {
    let (mut recorded, mut after) = (0, Some(0));
    while let Some(id) = after {
        let (claimed, next) = app.writer.run(move |terminal, chance| terminal.claim_standing_after(id, chance, door::now())).await??;
        recorded += claimed.len();
        after = next;
    }
    let mut after = Some(0);
    while let Some(seq) = after {
        let (settled, next) = app.writer.run(move |terminal, chance| terminal.settle_held_after(seq, chance, door::now())).await??;
        recorded += settled.len();
        after = next;
    }
    Ok(recorded)
}
