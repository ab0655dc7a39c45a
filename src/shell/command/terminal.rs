//! The terminal's commands.

use super::{Context, Report, Usage, keep_safe};
use crate::shell::backup::Kind;
use crate::shell::backup::keeper::Keeper;
use crate::shell::backup::mounts::Mounts;
use crate::shell::device::allowed::Allowed;
use crate::shell::device::{Places, watch};
use crate::shell::web::terminal::App;
use crate::shell::web::terminal::client::{self, ExchangeError};
use crate::shell::web::terminal::lan::Lan;
use crate::shell::web::terminal::writer::Writer;
use crate::shell::{backup, door, secret_file, supervisor, terminal_dir, whole_file};
use crate::terminal::Terminal;
use crate::terminal::enrol::check_code;
use crate::terminal::inbound::TakenIn;
use crate::words::chance::Chance;
use crate::words::ids::{OfficeId, TerminalId};
use askama::Template;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest envelope read from a file.
const MAX_FILE: u64 = 20 * 1024 * 1024;

/// What a terminal can be told to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Ask an office for admission with a printed one-time code; makes the terminal if there is none.
    Enrol {
        /// The office's address.
        #[arg(long, value_name = "URL")]
        office: String,
        /// The printed code.
        #[arg(long)]
        code: String,
        /// What people call this terminal.
        #[arg(long, default_value = "")]
        label: String,
        /// The office itself has said that its root key is another now: what was recorded stays, and is sent to it.
        #[arg(long)]
        another_root: bool,
    },
    /// Serve the page at the counter and the JSON interface.
    Serve {
        /// Where to listen.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// Where tablets of the house may work too, over TLS and once paired, for example 0.0.0.0:8443.
        #[arg(long, value_name = "ADDR")]
        lan: Option<SocketAddr>,
        /// Where other terminals of this provider in the house may tell what they recorded, for example 0.0.0.0:8444.
        #[arg(long, value_name = "ADDR")]
        neighbours: Option<SocketAddr>,
        /// Where another terminal of this provider listens to its neighbours, for example 192.168.7.21:8444.
        #[arg(long, value_name = "ADDRESS")]
        neighbour: Vec<String>,
        /// A further name by which this server is called.
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
        /// A scanner that this service reads by itself: its USB numbers (0c2e:0b61), a part of its name (name:honeywell), or a serial line
        /// (serial:/dev/ttyACM0, serial:/dev/ttyUSB0@115200); `cards` for readers of chip cards. `terminal scanners` lists what is there.
        #[arg(long, value_name = "SCANNER")]
        scanner: Vec<Allowed>,
        /// Exchange only when told to.
        #[arg(long)]
        no_exchange: bool,
        /// Backups by themselves.
        #[command(flatten)]
        backup: keep_safe::Automatic,
    },
    /// List what could be a scanner, as --scanner takes it.
    Scanners,
    /// Exchange with the offices now, or by file for a USB stick.
    Exchange {
        /// Write the envelope for the office here instead of sending it.
        #[arg(long, value_name = "FILE", conflicts_with = "input")]
        out: Option<PathBuf>,
        /// Take over the office's envelope from here.
        #[arg(long = "in", value_name = "FILE")]
        input: Option<PathBuf>,
        /// Which office, where there are several.
        #[arg(long, value_name = "ID")]
        office: Option<String>,
        /// Send by FIT-Connect, as this file says (docs/FIT-CONNECT.md); answers come by network or stick.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "input", "office"])]
        fit_connect: Option<PathBuf>,
    },
    /// Write everything but the keys into one encrypted file, while the server goes on.
    Backup(keep_safe::Backup),
    /// Write the books for an auditor: tables with their description, checksums and a signed seal.
    Export {
        /// The folder, new or empty.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Write the procedure document of this box (GoBD), as a page to print.
    Procedure {
        /// The file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Erase what is older than must be kept: counts first, and erases exactly what was counted. Hashes stay, and the proof with them.
    Purge {
        /// Count only, and change nothing.
        #[arg(long, conflicts_with = "total")]
        dry_run: bool,
        /// The number the dry run has counted.
        #[arg(long, required_unless_present = "dry_run")]
        total: Option<u64>,
        /// For how many months after the end of their year records are kept; no fewer than 96 (§ 147 AO).
        #[arg(long, default_value_t = crate::terminal::purge::MONTHS_KEPT, value_parser = clap::value_parser!(u32).range(96..=1200))]
        months: u32,
    },
    /// Say whether this box may be given away or wiped, or what would be lost with it; exit code 1 while something would.
    HandBack,
    /// Take all PINs away, when the one for managing is forgotten; a running server follows when it is started again.
    ResetPins,
    /// Make a new terminal of a backup, in an empty folder; it must be enrolled anew.
    Restore(keep_safe::Restore),
}

/// Carries out one command of the terminal.
pub fn run(command: Command, context: &Context) -> anyhow::Result<Report> {
    let dir = if matches!(command, Command::Scanners) { Path::new("") } else { context.data()? };
    match command {
        Command::Enrol { office, code, label, another_root } => enrol(dir, &office, &code, &label, another_root),
        Command::Serve { listen, lan, neighbours, neighbour, host, scanner, no_exchange, backup } => {
            serve(dir, &Serve { listen, lan, neighbours, neighbour, names: host, scanner, no_exchange, json: context.json, backup })
        }
        Command::Scanners => Ok(scanners(&watch::seen(&Places::default()))),
        Command::Exchange { out: Some(file), office, .. } => write_envelope(dir, &file, office.as_deref()),
        Command::Exchange { input: Some(file), .. } => read_envelope(dir, &file),
        Command::Exchange { fit_connect: Some(file), .. } => super::fit_connect::send(dir, &file),
        Command::Exchange { office, .. } => exchange(dir, office.as_deref()),
        Command::Backup(command) => keep_safe::write_backup(dir, &command, Kind::Terminal),
        Command::Export { out } => super::journal::export(&mut terminal_dir::open(dir, door::now())?, &out),
        Command::Procedure { out } => procedure(dir, &out),
        Command::Purge { total, months, .. } => purge(dir, months, total),
        Command::HandBack => super::hand_back::run(dir),
        Command::ResetPins => reset_pins(dir),
        Command::Restore(command) => restore(dir, &command),
    }
}

fn procedure(dir: &Path, out: &Path) -> anyhow::Result<Report> {
    let page = terminal_dir::open(dir, door::now())?.procedure(door::now())?.render()?;
    whole_file::write(out, whole_file::SHARED, &[page.as_bytes()]).map_err(|why| anyhow::anyhow!(whole_file::cannot(out, &why)))?;
    Ok(Report::new(format!("The procedure document is in {}: print it, or keep it as PDF.", out.display()), json!({"out": out})))
}

fn purge(dir: &Path, months: u32, total: Option<u64>) -> anyhow::Result<Report> {
    let mut terminal = terminal_dir::open(dir, door::now())?;
    let (count, did) = match total {
        None => (terminal.erasable(months, door::now())?, "may be erased, nothing was changed"),
        Some(total) => {
            (terminal.erase(months, total, &mut door::os_chance(), door::now())?, "were erased; the journal's chain is provable as before")
        }
    };
    let found = count.erasable;
    let text = format!(
        "{} records from before {} {did}: {} entries, {} cards, {} people, {} pick-ups. {} old entries stay, because no office has decided them.",
        count.total(),
        count.before,
        found.entries,
        found.cards,
        found.people,
        found.pickups,
        found.undecided
    );
    Ok(Report::new(text, json!({"total": count.total(), "erased": total.is_some(), "count": count})))
}

fn enrol(dir: &Path, url: &str, code: &str, label: &str, another_root: bool) -> anyhow::Result<Report> {
    check_code(code)?;
    let mut chance = door::os_chance();
    let mut terminal = terminal_dir::open_or_create(dir, &mut chance, door::now())?;
    let request = terminal.ask_for_admission(code, label)?;
    let answer = client::enrol(url, &request)?;
    let enrolled = if another_root {
        terminal.take_admission_by_another_root(code, url, &answer, &mut chance, door::now())?
    } else {
        terminal.take_admission(code, url, &answer, &mut chance, door::now())?
    };
    secret_file::api_token(dir, &mut chance)?;
    let mut text =
        format!("Terminal {} is admitted by {} as number {} ({}).", terminal.id(), enrolled.office_name, enrolled.provider, enrolled.provider_name);
    let json = json!({"terminal": terminal.id(), "provider": enrolled.provider, "office": enrolled.office});
    if let Err(error) = exchange_with(terminal, chance, vec![enrolled.office]) {
        text.push_str(&format!("\nThe first exchange did not succeed, which can be made up for: {error}"));
        tracing::warn!(%error, "the first exchange after enrolment failed");
    }
    Ok(Report::new(text, json))
}

fn exchange(dir: &Path, office: Option<&str>) -> anyhow::Result<Report> {
    let terminal = terminal_dir::open(dir, door::now())?;
    let offices = match office {
        Some(_) => vec![office_of(&terminal, office)?],
        None => terminal.offices().iter().map(|(office, _)| office.id.clone()).collect(),
    };
    if offices.is_empty() {
        return Err(Usage("this terminal is enrolled nowhere yet: run terminal enrol".into()).into());
    }
    let taken = exchange_with(terminal, door::os_chance(), offices)?;
    let text: Vec<String> = taken.iter().map(sentence).collect();
    Ok(Report::new(text.join("\n"), json!({"offices": taken})))
}

fn exchange_with(terminal: Terminal, chance: Chance, offices: Vec<OfficeId>) -> Result<Vec<TakenIn>, ExchangeError> {
    let (writer, thread) = Writer::start(terminal, chance);
    let outcome = offices.iter().map(|office| client::exchange(&writer, office)).collect();
    drop(writer);
    let _ = thread.join();
    outcome
}

fn sentence(taken: &TakenIn) -> String {
    let mut text =
        format!("Office {}: claims confirmed: {}, answers: {}, newer documents: {}.", taken.office, taken.confirmed, taken.advices, taken.documents);
    if taken.open > 0 {
        text.push_str(&format!(" {} claims wait for a clerk there.", taken.open));
    }
    if taken.disputed {
        text.push_str(" The office holds another state of this terminal's journal: delete nothing and call it.");
    }
    text
}

fn write_envelope(dir: &Path, file: &Path, office: Option<&str>) -> anyhow::Result<Report> {
    let mut terminal = terminal_dir::open(dir, door::now())?;
    let office = office_of(&terminal, office)?;
    let bytes = terminal.outbound(&office, &mut door::os_chance(), door::now())?;
    whole_file::write(file, whole_file::SHARED, &[&bytes]).map_err(|why| anyhow::anyhow!(whole_file::cannot(file, &why)))?;
    let text = format!("Written for office {office}: {}. Bring its answer back with terminal exchange --in FILE.", file.display());
    Ok(Report::new(text, json!({"office": office, "file": file, "bytes": bytes.len()})))
}

fn read_envelope(dir: &Path, file: &Path) -> anyhow::Result<Report> {
    let mut terminal = terminal_dir::open(dir, door::now())?;
    let bytes = read_file(file)?;
    let taken = terminal.take_inbound(&bytes, &mut door::os_chance(), door::now())?;
    Ok(Report::new(sentence(&taken), json!({"offices": [taken]})))
}

fn read_file(file: &Path) -> anyhow::Result<Vec<u8>> {
    let named = |error: std::io::Error| anyhow::anyhow!("{}: {error}", file.display());
    let mut bytes = Vec::new();
    File::open(file).map_err(named)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(named)?;
    if bytes.len() as u64 > MAX_FILE {
        anyhow::bail!("{} is larger than any envelope of ours: choose another file", file.display());
    }
    Ok(bytes)
}

/// The office named, or the only one there is.
fn office_of(terminal: &Terminal, named: Option<&str>) -> Result<OfficeId, Usage> {
    let ids: Vec<OfficeId> = terminal.offices().iter().map(|(office, _)| office.id.clone()).collect();
    match (named, ids.as_slice()) {
        (Some(text), ids) => {
            ids.iter().find(|id| id.as_str() == text).cloned().ok_or_else(|| Usage(format!("this terminal is not enrolled at office {text}")))
        }
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Usage("this terminal is enrolled nowhere yet: run terminal enrol".into())),
        (None, _) => Err(Usage("this terminal serves several offices: name one with --office ID".into())),
    }
}

fn reset_pins(dir: &Path) -> anyhow::Result<Report> {
    let mut terminal = terminal_dir::open(dir, door::now())?;
    terminal.forget_pins()?;
    Ok(Report::new("All PINs are taken away: everybody may do everything at this box until new ones are set.", json!({"pins": []})))
}

fn restore(dir: &Path, command: &keep_safe::Restore) -> anyhow::Result<Report> {
    let restored = backup::restore(dir, &command.input, &keep_safe::opener(command)?, &mut door::os_chance(), door::now())?;
    let mut text = format!(
        "Restored as terminal {}: {} entries of terminal {} are kept, {} that no office had confirmed were entered again, {} held ones too.\n\
         Enrol it anew with a fresh one-time code at: {}. Do not use the old box any more.",
        restored.terminal,
        restored.entries,
        restored.earlier,
        restored.entered_again,
        restored.held_again,
        restored.offices.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    );
    if !restored.unsent_cancellations.is_empty() {
        let list: Vec<String> = restored.unsent_cancellations.iter().map(ToString::to_string).collect();
        text.push_str(&format!("\nTell the office by phone that these entries of the old terminal were cancelled: {}.", list.join(", ")));
    }
    Ok(Report::new(text, json!(restored)))
}

/// How long a box that works takes to answer at the most. A restore may hold it up for longer, and is a sign of life too.
const SIGN_OF_LIFE: std::time::Duration = std::time::Duration::from_secs(8);

/// How the terminal is served.
struct Serve {
    listen: SocketAddr,
    lan: Option<SocketAddr>,
    neighbours: Option<SocketAddr>,
    neighbour: Vec<String>,
    names: Vec<String>,
    scanner: Vec<Allowed>,
    no_exchange: bool,
    json: bool,
    backup: keep_safe::Automatic,
}

fn serve(dir: &Path, how: &Serve) -> anyhow::Result<Report> {
    let mut chance = door::os_chance();
    let terminal = terminal_dir::open_or_create(dir, &mut chance, door::now())?;
    let key = secret_file::api_token(dir, &mut chance)?;
    let id = terminal.id();
    if cfg!(not(feature = "pcsc")) && how.scanner.contains(&Allowed::Cards) {
        return Err(Usage("this build reads no chip cards: take the box's package, or build with --features pcsc".into()).into());
    }
    let keeper = keeper(dir, &how.backup, id)?;
    let restoring = keeper.clone();
    let (writer, thread) = Writer::start(terminal, chance);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = listen(how.listen).await?;
        let at = listener.local_addr()?;
        let asked = writer.clone();
        let mut app = App::new(writer, at, &how.names, key).backed_up_by(keeper);
        let watching;
        if how.scanner.is_empty() {
            watching = None;
        } else {
            let (with_readers, listener) = app.with_readers();
            app = with_readers;
            watching = Some(watch::start(&how.scanner, &Places::default(), &listener)?);
        }
        app.load_pins().await.map_err(|problem| anyhow::anyhow!(problem.detail))?;
        let house = match how.lan {
            Some(lan) => Some(listen(lan).await?),
            None => None,
        };
        let mut ways = Vec::new();
        if let Some(house) = &house {
            let lan = Lan::new(dir, house.local_addr()?, &how.names)?;
            ways = lan.urls();
            app = app.open_to_house(lan);
        }
        if how.json {
            let lan = house.as_ref().and_then(|house| house.local_addr().ok());
            println!("{}", json!({"listening": at, "lan": lan, "terminal": id}));
        } else {
            println!("Terminal {id} serves http://{at}/ (end it with Ctrl-C)");
            if let Some(way) = ways.first() {
                println!("Tablets of the house open {way}");
            }
        }
        if let Some(at) = how.neighbours {
            tokio::spawn(app.clone().serve_neighbours(listen(at).await?));
        }
        tokio::spawn(app.clone().keep_neighbours(how.neighbour.clone()));
        tokio::spawn(app.clone().keep_up());
        if !how.no_exchange {
            tokio::spawn(app.clone().exchange_now_and_then());
        }
        tokio::spawn(end_when_told(app.clone()));
        let reporting = supervisor::report(|| async {
            let answered = tokio::time::timeout(SIGN_OF_LIFE, asked.run(|_, _| ())).await;
            answered.map_or_else(|_| restoring.is_restoring(), |done| done.is_ok())
        });
        tokio::select! {
            ended = app.serve(listener, house) => ended?,
            () = reporting => {}
        }
        drop((asked, watching));
        Ok::<_, anyhow::Error>(())
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let _ = thread.join();
    Ok(Report { json: json!({"ended": id}), ..Report::default() })
}

/// Has backups made as options say, or as somebody chooses on the page.
fn keeper(dir: &Path, how: &keep_safe::Automatic, id: TerminalId) -> anyhow::Result<Arc<Keeper>> {
    let name = backup::name_of(id);
    let keeper = Arc::new(Keeper::new(dir, &name, keep_safe::plan(dir, how, &name)?, Mounts::default()));
    keeper.clone().watch()?;
    Ok(keeper)
}

fn scanners(seen: &[(String, String)]) -> Report {
    let lines: Vec<String> = seen.iter().map(|(entry, name)| format!("--scanner {entry}   {name}")).collect();
    let text = if lines.is_empty() {
        "Nothing that types and no serial line is plugged in here.".to_owned()
    } else {
        format!("Only what is named is read, so that the keyboard goes on typing:\n{}", lines.join("\n"))
    };
    Report::new(text, json!({"scanners": seen.iter().map(|(entry, name)| json!({"scanner": entry, "name": name})).collect::<Vec<_>>()}))
}

async fn listen(at: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(at).await.map_err(|error| anyhow::anyhow!("{at} cannot be listened at: {error}"))
}

async fn end_when_told(app: App) {
    told_to_end().await;
    app.close();
}

/// Waits for Ctrl-C or a request of the system to end.
async fn told_to_end() {
    let interrupted = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupted.await;
        }
    }
}
