//! A box with both its listeners on real sockets, and clients that speak to it as browsers do.
#![allow(dead_code, reason = "each test uses the part it needs")]

use super::town::{PaperOffice, Town, allowances, keys};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use teilhabe::shell::door::now;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::lan::Lan;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::terminal::Terminal;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, TokenId};
use tokio::net::TcpListener;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

pub const KEY: &str = "0123456789abcdef";

/// What was answered: the status, the cookies given, the body as JSON or text.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub cookies: Vec<String>,
    pub location: String,
    pub body: Value,
}

/// Somebody who asks: at the box itself, or from a tablet over TLS.
#[derive(Clone, Debug)]
pub struct Client {
    pub agent: Agent,
    pub base: String,
    pub cookies: Vec<String>,
    pub key: bool,
}

impl Client {
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if !self.cookies.is_empty() {
            request = request.header("cookie", self.cookies.join("; "));
        }
        if self.key {
            request = request.header("authorization", format!("Bearer {KEY}"));
        }
        let accept = if path.starts_with("/api/") { "application/json" } else { "text/html" };
        let request = request.header("accept", accept).header("content-type", "application/json");
        let text = body.map(Value::to_string).unwrap_or_default();
        let mut response = self.agent.run(request.body(text).expect("a request")).expect("an answer");
        let all = |name: &str| response.headers().get_all(name).iter().map(|v| v.to_str().expect("text").to_owned()).collect::<Vec<_>>();
        let (cookies, location) = (all("set-cookie"), all("location").concat());
        let text = response.body_mut().read_to_string().expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status: response.status().as_u16(), cookies, location, body }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body))
    }

    /// Keeps the cookies of an answer, as a browser would.
    pub fn keep(&mut self, answer: &Answer) {
        for cookie in &answer.cookies {
            let pair = cookie.split(';').next().expect("a cookie").to_owned();
            let name = format!("{}=", pair.split('=').next().expect("a name"));
            self.cookies.retain(|kept| !kept.starts_with(&name));
            self.cookies.push(pair);
        }
    }
}

/// A running box.
pub struct House {
    pub app: App,
    pub at: SocketAddr,
    pub house_at: SocketAddr,
    pub office: PaperOffice,
    certificate: Vec<u8>,
    pub serving: tokio::task::JoinHandle<()>,
    pub writing: JoinHandle<()>,
}

/// A terminal of today over `store`: the server reads the real clock, so the town's calendar is moved to it.
pub fn town_of_today(store: TerminalStore) -> Town {
    let mut office = PaperOffice::new("05562032", 1);
    office.trust.issued = now();
    office.status = None;
    let mut chance = Chance::seeded(7);
    let terminal = Terminal::create(store, keys(50), Default::default(), &mut chance, now()).expect("created");
    let mut town = Town { terminal, chance, office };
    town.enrol(now());
    town
}

/// The card of the child `number`, good today.
pub fn card(office: &PaperOffice, number: u8) -> String {
    let mut token = office.plain_token(Handle([number; 8]), TokenId([number; 16]), u64::from(number), allowances());
    token.not_before = CivilDay::of(now()).minus(60).midnight();
    token.expires = CivilDay::of(now()).plus(60).midnight();
    token.issued = now().seconds();
    teilhabe::admit::scan::code_text(&token.seal(&office.key))
}

impl House {
    /// Serves a terminal that keeps its data in `dir`.
    pub async fn open(dir: &Path) -> Self {
        let path = dir.join("terminal.db");
        let Town { terminal, chance, office } = town_of_today(TerminalStore::open(&path).expect("a database"));
        Self::serve(dir, terminal, chance, office).await
    }

    pub async fn serve(dir: &Path, terminal: Terminal, chance: Chance, office: PaperOffice) -> Self {
        let (writer, writing) = Writer::start(terminal, chance);
        let any = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
        let (own, house) = (any().await, any().await);
        let (at, house_at) = (own.local_addr().expect("its address"), house.local_addr().expect("its address"));
        let lan = Lan::new(dir, house_at, &["ausgabe.lan".to_owned()]).expect("a certificate");
        let certificate = lan.keeper.identity().certificate;
        let app = App::new(writer, at, &[], Zeroizing::new(KEY.into())).open_to_house(lan);
        app.load_pins().await.expect("loaded");
        let serving = app.clone();
        let serving = tokio::spawn(async move { serving.serve(own, Some(house)).await.expect("served") });
        Self { app, at, house_at, office, certificate, serving, writing }
    }

    /// A browser or program at the box itself.
    pub fn at_box(&self) -> Client {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(PATIENCE);
        // A connection for each question: one that was answered before its body was read is closed by the server, and this client would not ask again.
        let agent = Agent::new_with_config(config.max_idle_connections(0).build());
        Client { agent, base: format!("http://{}", self.at), cookies: Vec::new(), key: false }
    }

    /// A program at the box itself that has the key.
    pub fn program(&self) -> Client {
        Client { key: true, ..self.at_box() }
    }

    /// A tablet that trusts the box's certificate and nothing else.
    pub fn tablet(&self) -> Client {
        let roots = RootCerts::new_with_certs(&[Certificate::from_der(&self.certificate).to_owned()]);
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(PATIENCE).max_idle_connections(0);
        let agent = Agent::new_with_config(config.tls_config(TlsConfig::builder().root_certs(roots).build()).build());
        Client { agent, base: format!("https://{}", self.house_at), cookies: Vec::new(), key: false }
    }

    /// A tablet that was paired and has opened a page.
    pub fn paired(&self, name: &str) -> Client {
        let mut tablet = self.tablet();
        let code = self.program().post("/api/v1/devices/code", &json!({})).body["code"].clone();
        let paired = tablet.post("/api/v1/pairing", &json!({"code": code, "name": name}));
        assert_eq!(paired.status, 201, "{paired:?}");
        tablet.keep(&paired);
        let begun = tablet.post("/api/v1/session", &json!({}));
        assert_eq!(begun.status, 201, "{begun:?}");
        tablet.keep(&begun);
        tablet
    }
}

const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

/// Does what blocks beside the server.
pub async fn beside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(work).await.expect("no fault")
}
