//! The second listener, for tablets of the house: over TLS, for paired devices only. Everything else is as at the box itself.
//!
//! The key of programs opens nothing here: a program on another computer is paired like a tablet and shows its cookie.

use super::devices::{self, Paired};
use super::{App, Problem};
use crate::shell::door::now;
use crate::shell::tls::{self, Keeper};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Where a device goes that is not paired.
const PAIR: &str = "/pair";
/// How often the certificate is looked after.
const LOOK_AFTER: Duration = Duration::from_secs(12 * 60 * 60);

/// How tablets reach this box.
#[derive(Clone, Debug)]
pub struct Lan {
    /// The listener's port.
    pub port: u16,
    /// The box's addresses in the house, the most useful first.
    pub addresses: Vec<IpAddr>,
    /// The names it goes by.
    pub names: Vec<String>,
    /// Its certificate.
    pub keeper: Arc<Keeper>,
}

impl Lan {
    /// The way to a box that listens at `at`, is also called by `names` and keeps its certificate in `dir`.
    pub fn new(dir: &std::path::Path, at: SocketAddr, names: &[String]) -> Result<Self, tls::TlsError> {
        let addresses = if at.ip().is_unspecified() { tls::addresses() } else { vec![at.ip()] };
        let host = tls::hostname();
        let mut called: Vec<String> = host.iter().flat_map(|host| [host.clone(), format!("{host}.local")]).collect();
        called.extend(names.iter().map(|name| name.to_ascii_lowercase()));
        called.push("localhost".into());
        let certified: Vec<String> = called.iter().cloned().chain(addresses.iter().map(ToString::to_string)).collect();
        let keeper = Arc::new(Keeper::new(dir, certified, now())?);
        Ok(Self { port: at.port(), addresses, names: called, keeper })
    }

    /// Looks after the certificate. Never ends.
    pub(super) async fn keep_certified(&self) {
        loop {
            tokio::time::sleep(LOOK_AFTER).await;
            let keeper = self.keeper.clone();
            if let Ok(Err(error)) = tokio::task::spawn_blocking(move || keeper.renew(now())).await {
                tracing::error!(%error, "the certificate for tablets could not be looked after");
            }
        }
    }

    /// The addresses to type into a tablet's browser, the best first.
    pub fn urls(&self) -> Vec<String> {
        let by_address = self.addresses.iter().map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        });
        let by_name = self.names.iter().filter(|name| name.ends_with(".local")).cloned();
        by_address.chain(by_name).map(|host| format!("https://{host}:{}{PAIR}", self.port)).collect()
    }
}

/// Lets in who is paired; others may only pair.
pub(super) async fn paired(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let secret = devices::secret_of(request.headers());
    let device = secret.as_deref().and_then(|secret| app.devices.known(secret, now()));
    let page = request.method() == Method::GET && super::door::accepts_html(&request);
    let Some(device) = device else {
        return match request.uri().path() {
            PAIR | "/api/v1/pairing" | "/healthz" => next.run(request).await,
            path if path.starts_with("/assets/") => next.run(request).await,
            _ if page => (StatusCode::SEE_OTHER, [(header::LOCATION, PAIR)]).into_response(),
            _ => stranger(),
        };
    };
    if device.seen_long_ago {
        devices::keep_seen(&app, device.hash).await;
    }
    request.extensions_mut().insert(Paired { hash: device.hash });
    let mut response = next.run(request).await;
    // A device in use stays paired: browsers keep no cookie longer than 400 days.
    if page && let Some(value) = secret.and_then(|secret| HeaderValue::from_str(&devices::cookie(&secret)).ok()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// 401: a page that was open when its device was removed goes to the form by itself.
fn stranger() -> Response {
    let sentence = "this device is not connected to the box: open /pair and type the code that the box shows under /devices";
    Problem { what: Some("not_paired"), ..Problem::new(StatusCode::UNAUTHORIZED, sentence) }.into_response()
}
