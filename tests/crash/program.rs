//! The program under `fault.c`: what goes wrong at which of its writes, and how the program is started so that it does.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// What goes wrong. The numbers are those of `fault.c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before the write.
    Kill = 1,
    /// Half of the write happens, then the process dies.
    Torn = 2,
    /// The disk reports an error.
    IoError = 3,
    /// The disk is full.
    NoSpace = 4,
    /// The power fails: of what was not flushed each block is kept or lost by chance.
    Power = 5,
}

impl Fault {
    pub const ALL: [Self; 5] = [Self::Kill, Self::Torn, Self::IoError, Self::NoSpace, Self::Power];

    /// Whether the process lives on.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::IoError | Self::NoSpace)
    }
}

/// Which writes go wrong, and how: those from `at` to `last`, counted from 1 since arming.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub fault: Fault,
    pub at: u64,
    pub last: u64,
    pub seed: u64,
    /// The disk says that it has flushed, and has not: no program can survive that.
    pub lies: bool,
}

impl Plan {
    /// Nothing goes wrong; the writes are counted.
    pub const COUNT: Self = Self { fault: Fault::Kill, at: u64::MAX, last: u64::MAX, seed: 0, lies: false };
}

const ARMED: u64 = 0;
const COUNT: u64 = 8;
const HITS: u64 = 48;
const SIZE: usize = 72;

/// The shim, built once a run.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/fault.c");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fault-{}.so", std::process::id()));
        let done =
            Command::new("cc").args(["-std=gnu11", "-O1", "-shared", "-fPIC", "-o"]).arg(&built).arg(source).args(["-ldl", "-lpthread"]).output();
        let done = done.expect("a C compiler");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        built
    })
}

/// One folder in which the program works, and the plan of what goes wrong there.
#[derive(Debug)]
pub struct Stage {
    pub dir: PathBuf,
    plan_file: PathBuf,
    plan: Plan,
}

impl Stage {
    /// A stage in `dir`; the plan lies beside it. Nothing counts before [`Stage::arm`].
    pub fn new(dir: PathBuf, plan: Plan) -> Self {
        let plan_file = dir.with_extension("plan");
        let numbers = [0, 0, plan.at, plan.last, plan.fault as u64, plan.seed, 0, 0, u64::from(plan.lies)];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
        assert_eq!(bytes.len(), SIZE);
        std::fs::write(&plan_file, bytes).expect("written");
        Self { dir, plan_file, plan }
    }

    pub const fn plan(&self) -> Plan {
        self.plan
    }

    fn number(&self, at: u64) -> u64 {
        let mut bytes = [0; 8];
        std::fs::File::open(&self.plan_file).and_then(|f| f.read_exact_at(&mut bytes, at)).expect("the plan");
        u64::from_ne_bytes(bytes)
    }

    fn set(&self, at: u64, number: u64) {
        let file = std::fs::OpenOptions::new().write(true).open(&self.plan_file).expect("the plan");
        file.write_all_at(&number.to_ne_bytes(), at).expect("the plan");
    }

    /// From now on writes count, and what is planned happens.
    pub fn arm(&self) {
        self.set(ARMED, 1);
    }

    /// Nothing goes wrong any more: there is room again, the cable sits.
    pub fn calm(&self) {
        self.set(ARMED, 0);
    }

    /// How many writes were counted.
    pub fn count(&self) -> u64 {
        self.number(COUNT)
    }

    /// Whether what was planned has happened.
    pub fn was_hit(&self) -> bool {
        self.number(HITS) > 0
    }

    /// The program with these arguments, its writes under the plan.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = plain(arguments);
        command.env("LD_PRELOAD", shim()).env("TEILHABE_FAULT_PLAN", &self.plan_file).env("TEILHABE_FAULT_IN", &self.dir);
        command
    }

    /// Carries out a command under the plan: from its first write on.
    pub fn run(&self, arguments: &[&str]) -> Said {
        self.arm();
        let said = Said::of(self.program(arguments).output().expect("the program starts"));
        self.calm();
        said
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.plan_file);
    }
}

/// The program with these arguments, as people start it.
pub fn plain(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_teilhabe"));
    command.args(arguments).env("TEILHABE_PASSPHRASE", PASSPHRASE).stdin(Stdio::null());
    command
}

pub const PASSPHRASE: &str = "a passphrase for tests";

/// What a command came to.
#[derive(Debug)]
pub enum Said {
    /// Success, and its answer.
    Done(Value),
    /// Failure, and its sentence.
    Failed(String),
    /// The process died.
    Died,
}

impl Said {
    fn of(output: Output) -> Self {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("panicked"), "{error}");
        if output.status.signal() == Some(9) {
            return Self::Died;
        }
        if output.status.success() {
            return Self::Done(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null));
        }
        let sentence = error.lines().rev().find_map(|line| line.strip_prefix("teilhabe: ")).map(str::to_owned);
        Self::Failed(sentence.unwrap_or_else(|| panic!("{:?}, and no sentence: {error}", output.status)))
    }

    /// Whether a failure says what to do, and is not the bare word of a system.
    pub fn is_clear(&self) -> bool {
        match self {
            Self::Failed(sentence) => ["check the ", "free some space"].iter().any(|advice| sentence.contains(advice)),
            Self::Done(_) | Self::Died => true,
        }
    }
}

/// Carries out a command with nothing in its way.
pub fn run(arguments: &[&str]) -> Said {
    Said::of(plain(arguments).output().expect("the program starts"))
}

/// The same where anything but success is a defect.
pub fn must(arguments: &[&str]) -> Value {
    match run(arguments) {
        Said::Done(answer) => answer,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

/// A terminal that serves.
pub struct Serving {
    process: Child,
    url: String,
    key: String,
    agent: ureq::Agent,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Green, as entry.
    Green(u64),
    /// A status and a sentence.
    Problem(u16, String),
    /// No answer came.
    Nothing,
}

impl Serving {
    /// Starts `command`, which serves a terminal with `--json`; none where it ends before it serves.
    pub fn start(mut command: Command, data: &Path) -> Option<Self> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("its output");
        let said: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        let Some(at) = said["listening"].as_str() else {
            process.kill().expect("ours");
            process.wait().expect("ended");
            return None;
        };
        let key = teilhabe::shell::secret_file::read(&data.join("api-token")).expect("a key").to_string();
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(20))).http_status_as_error(false).build().into();
        Some(Self { url: format!("http://{at}"), process, key, agent })
    }

    pub fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.send(path, "application/json", body.to_string().as_bytes())
    }

    pub fn send(&self, path: &str, kind: &str, body: &[u8]) -> Option<(u16, Value)> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("Authorization", format!("Bearer {}", self.key));
        let mut response = request.content_type(kind).send(body).ok()?;
        let bytes = response.body_mut().read_to_vec().ok()?;
        Some((response.status().as_u16(), serde_json::from_slice(&bytes).ok()?))
    }

    /// Asks for a lunch on `card`.
    pub fn redeem(&self, card: &str, ask: &str) -> Told {
        let Some((status, answer)) = self.post("/api/v1/redemptions", &serde_json::json!({"code": card, "service": "lunch", "ask": ask})) else {
            return Told::Nothing;
        };
        match answer["seq"].as_u64() {
            Some(seq) if answer["verdict"] == "accepted" => Told::Green(seq),
            _ => Told::Problem(status, answer["detail"].as_str().map_or_else(|| answer.to_string(), str::to_owned)),
        }
    }

    pub fn lives(&mut self) -> bool {
        self.process.try_wait().expect("ours").is_none()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
