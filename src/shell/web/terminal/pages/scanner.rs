//! The page that tests a hand scanner: a code to scan that is no card, what is wrong with what arrives, and how to cure it.

use super::{Frame, Visit};
use crate::shell::paper::qr::Qr;
use crate::shell::web::problem::Problem;
use askama::Template;
use axum::response::Response;

/// What is scanned for a test: all characters a code can have, and the two letters that a German and a US keyboard exchange.
const TEST_CODE: &str = "TEST10123456789ABCDEFGHIJKLMNOPQRSTUVYZ";

#[derive(Template)]
#[template(path = "terminal/scanner.html")]
struct ScannerPage {
    frame: Frame,
    code: String,
}

/// The scanner test.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let make = |_: &mut crate::terminal::Terminal, frame: Frame| {
        let code = Qr::new(TEST_CODE).map(|qr| qr.svg(frame.t("scanner.test_code"))).unwrap_or_default();
        Ok(ScannerPage { frame, code })
    };
    visit.show(make).await
}
