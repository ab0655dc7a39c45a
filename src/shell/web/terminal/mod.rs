//! The terminal's HTTP: the JSON interface of formats § 7, the pages at the counter, health and figures.

mod assets;
mod backups;
pub mod client;
mod counter;
mod devices;
mod door;
mod events;
mod groups;
pub mod lan;
mod lessons;
mod lists;
mod metrics;
mod neighbourhood;
mod neighbours;
mod office;
mod pages;
mod patience;
mod people;
mod pins;
mod readers;
mod restore;
mod returned;
mod said;
pub mod session;
mod settings;
mod setup;
mod shape;
mod standing;
mod stick;
mod training;
mod upkeep;
pub mod writer;

use super::guard::Guard;
use super::problem::Problem;
use super::serve::{Limits, serve};
use crate::shell::backup::keeper::Keeper;
use crate::shell::tls::TlsError;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use devices::Devices;
use door::{Desk, Door};
use events::Events;
use lan::Lan;
use metrics::Metrics;
use session::{Role, Sessions};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use writer::Writer;
use zeroize::Zeroizing;

/// The largest JSON request.
const MAX_JSON: usize = 64 * 1024;
/// The largest file from a stick.
const MAX_FILE: usize = 20 * 1024 * 1024;
/// How long a request may take; an exchange may take longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an exchange may take.
const EXCHANGE_PATIENCE: Duration = Duration::from_secs(330);
/// What a page of ours may load and do: only what comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What every handler can use.
#[derive(Clone, Debug)]
pub struct App {
    writer: Writer,
    guard: Arc<Guard>,
    metrics: Arc<Metrics>,
    /// One exchange at a time.
    exchanging: Arc<tokio::sync::Mutex<()>>,
    /// Which offices are to be left alone for a while.
    patience: Arc<patience::Patience>,
    /// A redemption was recorded: an exchange is worth its while soon.
    recorded: Arc<tokio::sync::Notify>,
    /// Something is new that may let the box claim what was due or held: an exchange, a registration.
    heard: Arc<tokio::sync::Notify>,
    sessions: Arc<Sessions>,
    practice: training::Practice,
    devices: Arc<Devices>,
    events: Events,
    neighbours: neighbours::Shared,
    readers: readers::Readers,
    /// Whether the server ends; then pages that listen for news are let go.
    closing: watch::Sender<bool>,
    /// How tablets of the house reach this box, if they can.
    lan: Option<Arc<Lan>>,
    /// Whether this is the listener for paired devices.
    over_lan: bool,
    /// Whether pages must be opened with the key, because others can reach this address.
    pages_need_key: bool,
    /// Who sees to the backups, where there is a data folder.
    backups: Option<Arc<Keeper>>,
}

impl App {
    /// An app that listens at `listen`, is also called by `names`, and whose interfaces `key` opens.
    pub fn new(writer: Writer, listen: SocketAddr, names: &[String], key: Zeroizing<String>) -> Self {
        Self {
            writer,
            guard: Arc::new(Guard::new(listen, names, key)),
            metrics: Arc::default(),
            exchanging: Arc::default(),
            patience: Arc::default(),
            recorded: Arc::default(),
            heard: Arc::default(),
            sessions: Arc::default(),
            practice: training::Practice::default(),
            devices: Arc::default(),
            events: Events::default(),
            neighbours: neighbours::Shared::default(),
            readers: readers::Readers::default(),
            closing: watch::Sender::new(false),
            lan: None,
            over_lan: false,
            pages_need_key: !listen.ip().is_loopback(),
            backups: None,
        }
    }

    /// The same box, whose backups `keeper` sees to: its pages say how old the last one is, and let people choose where they go.
    pub fn backed_up_by(self, keeper: Arc<Keeper>) -> Self {
        Self { backups: Some(keeper), ..self }
    }

    /// Reads PINs and paired devices from the box; to be done once before the first request.
    pub async fn load_pins(&self) -> Result<(), Problem> {
        devices::load(self).await?;
        pins::load(self).await
    }

    /// The same box, reachable for tablets of the house.
    pub fn open_to_house(self, lan: Lan) -> Self {
        Self { lan: Some(Arc::new(lan)), ..self }
    }

    /// The routes for paired devices of the house; none where they cannot reach the box.
    pub fn house_router(&self) -> Option<Router> {
        let lan = self.lan.as_ref()?;
        let guard = Arc::new(Guard::of_house(lan.port, &lan.names));
        Some(Self { guard, over_lan: true, pages_need_key: false, ..self.clone() }.router())
    }

    /// Turns true when the server is to end.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Has the server end: what runs is finished, nothing new begins.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// The server's routes, guarded.
    pub fn router(self) -> Router {
        let mut router = Router::new();
        for (_, path, door, handler) in routes() {
            let state = (self.clone(), door);
            router = router.route(path, handler.layer(from_fn_with_state(state, door::pass)));
        }
        if self.over_lan {
            router = router.layer(from_fn_with_state(self.clone(), lan::paired));
        }
        router
            .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address: see /openapi.json") })
            .method_not_allowed_fallback(|| async {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method: see /openapi.json")
            })
            .layer(from_fn_with_state(self.guard.clone(), ours))
            .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| Problem::bug().into_response()))
            .with_state(self)
    }

    /// Serves the box itself at `listener` and paired devices at `house`, until it is closed.
    pub async fn serve(self, listener: TcpListener, house: Option<TcpListener>) -> Result<(), TlsError> {
        let own = serve(listener, None, self.clone().router(), self.closing(), Limits::default());
        match (house, &self.lan, self.house_router()) {
            (Some(house), Some(lan), Some(router)) => {
                let over_tls = serve(house, Some(lan.keeper.acceptor()?), router, self.closing(), Limits::default());
                tokio::select! {
                    _ = async { tokio::join!(own, over_tls) } => {}
                    () = lan.keep_certified() => {}
                }
            }
            _ => own.await,
        }
        Ok(())
    }

    /// Claims by itself what is due every month, and makes up for what is held where a card now allows it. Never ends.
    pub async fn keep_up(self) {
        upkeep::now_and_then(self).await;
    }

    /// Exchanges by itself: every quarter of an hour, and soon after the last redemption of a rush. Never ends.
    pub async fn exchange_now_and_then(self) {
        office::now_and_then(self).await;
    }
}

/// A route: its method, path and door, and who answers.
type Route = (&'static str, &'static str, Door, MethodRouter<App>);

/// Every route with its method, path and door. The OpenAPI document says the same of the interface, and a test compares them.
fn routes() -> Vec<Route> {
    const SCAN: Door = Door::Role(Role::Scan);
    const CORRECT: Door = Door::Role(Role::Correct);
    const MANAGE: Door = Door::Role(Role::Manage);
    let mut routes = vec![
        ("get", "/", Door::Page, brief(get(pages::counter::show))),
        ("get", "/scanner", Door::Page, brief(get(pages::scanner::show))),
        ("get", "/setup", MANAGE, brief(get(pages::setup::show))),
        ("get", "/training", SCAN, brief(get(pages::training::show))),
        ("get", "/paper", SCAN, brief(get(pages::paper::show))),
        ("get", "/settings", MANAGE, brief(get(pages::settings::show))),
        ("get", "/pin", Door::Page, brief(get(pages::pin::show))),
        ("get", "/assets/{*name}", Door::Open, get(assets::file)),
        ("get", "/healthz", Door::Open, brief(get(office::healthz))),
        ("get", "/openapi.json", Door::Open, brief(get(pages::openapi))),
        ("get", "/metrics", MANAGE, brief(get(metrics::show))),
        ("get", "/api/v1/session", Door::Session, brief(get(pins::session))),
        ("post", "/api/v1/session", Door::Open, brief(post(pins::begin))),
        ("post", "/api/v1/session/pin", Door::Session, brief(post(pins::show_pin))),
        ("post", "/api/v1/session/training", SCAN, brief(post(training::switch))),
        ("post", "/api/v1/session/lock", Door::Session, brief(post(pins::lock))),
        ("post", "/api/v1/pins", MANAGE, brief(post(pins::change))),
        ("get", "/api/v1/settings", MANAGE, brief(get(settings::show))),
        ("post", "/api/v1/settings", MANAGE, brief(post(settings::change))),
        ("get", "/api/v1/checkup", MANAGE, slow(get(settings::checkup))),
        ("post", "/api/v1/offices", MANAGE, slow(post(setup::enrol)).layer(DefaultBodyLimit::max(MAX_JSON))),
        ("post", "/api/v1/offices/request", MANAGE, brief(post(setup::request_file))),
        ("post", "/api/v1/offices/answer", MANAGE, slow(post(setup::take_answer)).layer(DefaultBodyLimit::max(MAX_FILE))),
        ("post", "/api/v1/offices/{id}/address", MANAGE, brief(post(setup::move_office))),
        ("post", "/api/v1/redemptions", SCAN, brief(post(counter::redeem))),
        ("post", "/api/v1/checks", SCAN, brief(post(counter::check))),
        ("post", "/api/v1/redemptions/{id}/cancellation", SCAN, brief(post(counter::cancel))),
        ("get", "/api/v1/held", SCAN, brief(get(counter::open_held))),
        ("post", "/api/v1/held", SCAN, brief(post(counter::hold))),
        ("post", "/api/v1/held/{id}/alias", SCAN, brief(post(counter::name_held))),
        ("get", "/api/v1/days/{date}", SCAN, brief(get(counter::day))),
        ("post", "/api/v1/days/{date}/closing", CORRECT, brief(post(counter::close_day))),
        ("get", "/devices", MANAGE, brief(get(pages::devices::show))),
        ("get", "/pair", Door::Open, brief(get(pages::pair::show))),
        ("get", "/api/v1/devices", MANAGE, brief(get(devices::list))),
        ("post", "/api/v1/devices/code", MANAGE, brief(post(devices::code))),
        ("post", "/api/v1/devices/{id}", MANAGE, brief(post(devices::rename))),
        ("delete", "/api/v1/devices/{id}", MANAGE, brief(delete(devices::remove))),
        ("get", "/api/v1/neighbours", MANAGE, brief(get(neighbourhood::list))),
        ("post", "/api/v1/neighbours", MANAGE, brief(post(neighbourhood::add))),
        ("delete", "/api/v1/neighbours/{id}", MANAGE, brief(delete(neighbourhood::remove))),
        ("post", "/api/v1/pairing", Door::Open, brief(post(devices::pair))),
        ("get", "/api/v1/events", SCAN, brief(get(events::listen))),
        ("get", "/api/v1/readers", SCAN, brief(get(readers::list))),
        ("get", "/api/v1/scans", SCAN, brief(get(readers::listen))),
        ("post", "/api/v1/scans/{id}/taking", SCAN, brief(post(readers::take))),
        ("get", "/api/v1/services", SCAN, brief(get(counter::services))),
        ("get", "/api/v1/batches", CORRECT, brief(get(office::batches))),
        ("get", "/api/v1/status", SCAN, brief(get(office::status))),
        ("post", "/api/v1/exchange", SCAN, slow(post(office::exchange))),
        ("post", "/api/v1/exchange/stick", SCAN, slow(post(stick::exchange))),
        ("post", "/api/v1/exchange/outbound", SCAN, slow(post(office::outbound))),
        ("post", "/api/v1/exchange/inbound", SCAN, slow(post(office::inbound)).layer(DefaultBodyLimit::max(MAX_FILE))),
    ];
    routes.extend(lessons::routes());
    routes.extend(people::routes());
    routes.extend(standing::routes());
    routes.extend(returned::routes());
    routes.extend(backups::routes());
    routes.extend(restore::routes());
    routes
}

/// The paths that are pages for people, for tests that look at each.
pub fn pages_of_the_box() -> Vec<&'static str> {
    let machines = ["/api/", "/assets/", "/healthz", "/metrics"];
    let pages = routes()
        .into_iter()
        .filter(|(method, path, ..)| *method == "get" && !path.contains('.') && !machines.iter().any(|start| path.starts_with(start)));
    pages.map(|(_, path, ..)| path).collect()
}

fn brief(handler: MethodRouter<App>) -> MethodRouter<App> {
    let late = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PATIENCE);
    handler.layer::<_, Infallible>(late).layer(DefaultBodyLimit::max(MAX_JSON))
}

fn slow(handler: MethodRouter<App>) -> MethodRouter<App> {
    handler.layer::<_, Infallible>(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, EXCHANGE_PATIENCE))
}

/// Lets in whoever means us, and tells the browser what our answers may do.
async fn ours(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let allowed = guard.check_host(request.headers()).and_then(|()| guard.check_origin(request.method(), request.headers()));
    let mut response = match allowed {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The JSON of a request's body, or the problem with it.
fn json<T: serde::de::DeserializeOwned>(
    headers: &axum::http::HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<T, Problem> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a request here has at most {MAX_JSON} bytes")),
        status => Problem::new(status, "the request broke off: send it again"),
    })?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().is_some_and(|k| k.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send JSON: Content-Type: application/json"));
    }
    serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => shape::unfit(&format!("the request does not fit: {error}")),
        _ => Problem::new(StatusCode::BAD_REQUEST, format!("this is not JSON: {error}")),
    })
}

/// An answer in JSON with this status.
fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_openapi_document_names_exactly_our_routes() {
        let document: serde_json::Value = serde_json::from_str(include_str!("../../../../templates/openapi.terminal.json")).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let documented: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, methods)| methods.as_object().expect("methods").keys().map(move |method| (method.clone(), path.clone())))
            .collect();
        let mut ours: BTreeSet<(String, String)> = routes().iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect();
        ours.retain(|(_, path)| path.starts_with("/api/") || ["/healthz", "/metrics"].contains(&path.as_str()));
        assert_eq!(documented, ours);
    }
}
