//! What pages load: styles, scripts, pictures, all from this server. `templates/office/assets`, compiled in.

use super::page::{Fault, nothing_here};
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "templates/office/assets"]
struct Files;

/// Types of what may be loaded, by the name's ending.
const TYPES: [(&str, &str); 3] = [("css", "text/css; charset=utf-8"), ("js", "text/javascript; charset=utf-8"), ("svg", "image/svg+xml")];

/// One file.
pub(super) async fn file(Path(name): Path<String>) -> Result<Response, Fault> {
    let kind = name.rsplit_once('.').and_then(|(_, ending)| TYPES.iter().find(|(known, _)| *known == ending)).map(|(_, kind)| *kind);
    match kind.zip(Files::get(&name)) {
        Some((kind, file)) => Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], file.data.into_owned()).into_response()),
        None => Err(nothing_here().await),
    }
}
