//! The sample town: one office, three providers, sixty children, two weeks of scans. Everything went through the same doors as in
//! real life; only the clock was moved along.

mod clerks;
pub mod town;

use crate::office::Office;
use crate::shell::backup;
use crate::shell::backup::keeper::Keeper;
use crate::shell::backup::mounts::Mounts;
use crate::shell::door::{now, os_chance};
use crate::shell::secret_file;
use crate::shell::terminal_dir;
use crate::shell::web::terminal::App;
use crate::shell::web::terminal::lan::Lan;
use crate::shell::web::terminal::writer::Writer;
use anyhow::Context as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the demo tells people, kept beside its data for the next start.
const NOTES: &str = "notes.txt";

/// Fills `dir` with the sample town unless it is filled already, serves terminal and office, and says what to try.
pub fn run(dir: &Path, terminal_at: SocketAddr, office_at: SocketAddr, lan_at: Option<SocketAddr>) -> anyhow::Result<()> {
    let notes = dir.join(NOTES);
    if !notes.exists() {
        println!("Filling the sample town in {} …", dir.display());
        let text = town::fill(dir, &format!("http://{office_at}"), &mut os_chance(), now())?;
        secret_file::write(&notes, &text)?;
    }
    let text = secret_file::read(&notes)?;
    let office = Office::open(&town::office_dir(dir), os_chance(), now())?;
    let terminal = terminal_dir::open(&town::canteen_dir(dir), now())?;
    let keeper = Arc::new(Keeper::new(&town::canteen_dir(dir), &backup::name_of(terminal.id()), None, Mounts::default()));
    keeper.clone().watch()?;
    let (writer, thread) = Writer::start(terminal, os_chance());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (terminal_listener, office_listener) = (bind(terminal_at).await?, bind(office_at).await?);
        let (terminal_at, office_at) = (terminal_listener.local_addr()?, office_listener.local_addr()?);
        println!("{}", text.replace("{terminal}", &terminal_at.to_string()).replace("{office}", &office_at.to_string()));
        let mut chance = os_chance();
        let key = secret_file::api_token(&town::canteen_dir(dir), &mut chance)?;
        let mut app = App::new(writer, terminal_at, &[], key).backed_up_by(keeper);
        app.load_pins().await.map_err(|problem| anyhow::anyhow!(problem.detail))?;
        let house = match lan_at {
            Some(at) => Some(bind(at).await?),
            None => None,
        };
        if let Some(house) = &house {
            app = app.open_to_house(Lan::new(&town::canteen_dir(dir), house.local_addr()?, &[])?);
        }
        tokio::spawn(app.clone().keep_up());
        let office_key = secret_file::api_token(&town::office_dir(dir), &mut chance)?.to_string();
        tokio::select! {
            ended = app.serve(terminal_listener, house) => ended?,
            ended = crate::shell::web::office::serve_on(office_listener, office, office_key, Vec::new()) => ended?,
        }
        Ok::<_, anyhow::Error>(())
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let _ = thread.join();
    Ok(())
}

async fn bind(at: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(at).await.with_context(|| format!("{at} cannot be listened at: name another address"))
}

/// Where the demo keeps its data when nobody says.
pub fn default_dir() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    base.or(home).unwrap_or_else(std::env::temp_dir).join("teilhabe-demo")
}
