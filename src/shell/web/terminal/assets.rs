//! What pages load: styles, scripts, pictures, all from this box. `templates/terminal/assets`, compiled in.

use crate::shell::web::problem::Problem;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "templates/terminal/assets"]
struct Files;

/// Names and types of what may be loaded.
const TYPES: [(&str, &str); 7] = [
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("wasm", "application/wasm"),
    ("json", "application/json"),
    ("txt", "text/plain; charset=utf-8"),
];

/// One file. What is kept as `NAME.gz` is sent so: every browser unpacks it.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "there is no such file here");
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).ok_or_else(missing)?;
    let (_, kind) = TYPES.iter().find(|(known, _)| *known == ending).ok_or_else(missing)?;
    if let Some(file) = Files::get(&name) {
        return Ok(([(header::CONTENT_TYPE, *kind)], file.data.into_owned()).into_response());
    }
    let packed = Files::get(&format!("{name}.gz")).ok_or_else(missing)?;
    Ok(([(header::CONTENT_TYPE, *kind), (header::CONTENT_ENCODING, "gzip")], packed.data.into_owned()).into_response())
}
