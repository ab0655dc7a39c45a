//! The office's listener: TLS from certificate files where there are some, and how it begins and ends.

use super::{Desk, LIMITS, TIDY_EVERY, export};
use crate::office::Office;
use crate::shell::certificate::CertificateFiles;
use crate::shell::command::Usage;
use crate::shell::web::serve;
use crate::shell::{door, secret_file, supervisor};
use crate::words::chance::Chance;
use axum::Router;
use axum::http::{HeaderValue, header};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::set_header::SetResponseHeaderLayer;

/// How often it is looked whether the certificate's files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// What browsers remember for a year: this name is spoken to over TLS only (RFC 6797).
const ONLY_TLS: &str = "max-age=31536000";

/// Where and how the office is served.
#[derive(Clone, Debug)]
pub struct Listening {
    /// The address.
    pub at: SocketAddr,
    /// Further names under which it is reached.
    pub hosts: Vec<String>,
    /// The files with certificate chain and key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether passwords and cases may go over a readable line: a proxy adds TLS.
    pub plain_http: bool,
    /// How long `/readyz` says no before nothing more is accepted, so that a proxy which looks there goes elsewhere.
    pub goodbye: Duration,
}

impl Listening {
    /// Refuses an address that others reach over a readable line, unless that was asked for.
    fn is_fit_for(&self, at: SocketAddr) -> anyhow::Result<()> {
        if self.tls.is_some() || at.ip().is_loopback() || self.plain_http {
            return Ok(());
        }
        let sentence = format!(
            "{at} is open to other computers, and the line would be readable: add --tls-cert and --tls-key, or --plain-http behind a proxy that adds TLS"
        );
        Err(Usage(sentence).into())
    }
}

/// Serves the office in `data_dir` until the process is told to end.
pub fn serve(office: Office, data_dir: &Path, how: Listening) -> anyhow::Result<()> {
    let mut chance: Chance = door::os_chance();
    let token = secret_file::api_token(data_dir, &mut chance)?;
    let certificate = how.tls.as_ref().map(|(certificate, key)| CertificateFiles::open(certificate, key, door::now())).transpose()?;
    let handed_over = handed_over()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = match handed_over {
            Some(listener) => {
                how.is_fit_for(listener.local_addr()?)?;
                TcpListener::from_std(listener)?
            }
            None => {
                how.is_fit_for(how.at)?;
                listen(how.at).await?
            }
        };
        serve_over(listener, office, token.to_string(), how.hosts, (certificate, how.goodbye)).await
    })
}

async fn listen(at: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(at).await.map_err(|why| anyhow::anyhow!("cannot listen at {at} ({why}): is another program there? Choose another --listen"))
}

/// The listener that systemd holds for us (sd_listen_fds(3)): it outlives this process, and whoever connects between two of them waits.
fn handed_over() -> anyhow::Result<Option<std::net::TcpListener>> {
    let mut handed = listenfd::ListenFd::from_env();
    if handed.len() > 1 {
        anyhow::bail!("systemd hands over {} sockets: the office listens at one, so leave one ListenStream= in its unit", handed.len());
    }
    let listener =
        handed.take_tcp_listener(0).map_err(|why| anyhow::anyhow!("what systemd hands over is no TCP socket ({why}): check ListenStream="))?;
    if let Some(listener) = &listener {
        listener.set_nonblocking(true)?;
    }
    Ok(listener)
}

/// Serves the office without TLS on a listener that is bound already, until the process is told to end.
pub async fn serve_on(listener: TcpListener, office: Office, api_token: String, hosts: Vec<String>) -> anyhow::Result<()> {
    serve_over(listener, office, api_token, hosts, (None, Duration::ZERO)).await
}

/// Serves the office on a listener that is bound already, over TLS where there is a certificate, and says goodbye for a while before it ends.
pub async fn serve_over(
    listener: TcpListener,
    office: Office,
    api_token: String,
    hosts: Vec<String>,
    (certificate, goodbye): (Option<Arc<CertificateFiles>>, Duration),
) -> anyhow::Result<()> {
    let desk = Desk::new(office, api_token, listener.local_addr()?, &hosts)?;
    let (close, closing) = watch::channel(false);
    let (router, tls) = match &certificate {
        None => (desk.router(), None),
        Some(certificate) => (over_tls(desk.router()), Some(certificate.acceptor()?)),
    };
    let serving = serve::serve(listener, tls, router, closing, LIMITS);
    let ending = async {
        told_to_end().await;
        supervisor::ends();
        desk.begin_to_end();
        tokio::time::sleep(goodbye).await;
        close.send_replace(true);
    };
    let tidying = async {
        export::tidy_up(&desk, true).await;
        let mut hours = tokio::time::interval(TIDY_EVERY);
        hours.tick().await;
        loop {
            hours.tick().await;
            export::tidy_up(&desk, false).await;
        }
    };
    let reporting = supervisor::report(|| async { desk.0.office.ask(|_| ()).await.is_ok() });
    tokio::select! {
        _ = async { tokio::join!(serving, ending) } => {}
        () = tidying => {}
        () = reporting => {}
        () = keep_certificate(certificate) => {}
    }
    desk.break_off_jobs().await;
    Ok(())
}

fn over_tls(router: Router) -> Router {
    router.layer(SetResponseHeaderLayer::overriding(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS)))
}

/// Takes over a renewed certificate; a wrong one is told once, and the one in use stays.
async fn keep_certificate(certificate: Option<Arc<CertificateFiles>>) {
    let Some(certificate) = certificate else { return std::future::pending().await };
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match certificate.look_again(door::now()) {
            Ok(true) => tracing::info!("the renewed certificate is in use"),
            Ok(false) => {}
            Err(why) => tracing::error!(%why, "the certificate's files have changed and cannot be used: the one before stays in use"),
        }
    }
}

/// Waits for ctrl-c or SIGTERM.
async fn told_to_end() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be listened for");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
