//! A connection of one tenant, its prepared statements and its transactions.

use super::super::{Error, Kind, Params, Result, ValueRef};
use super::dialect::translate;
use super::driver::{connect, wait};
use super::wire::Sent;
use super::{Server, ServerRows, Tenant, schema};
use crate::shell::store::StoreError;
use futures_util::{TryStreamExt, pin_mut};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row, Statement};

/// How long a statement waits for another process that is writing.
const LOCK_TIMEOUT_SECONDS: u32 = 5;
/// The most statements kept prepared; past them the server is told to forget all.
const MOST_KEPT: usize = 512;

/// What a server said, or that none answered. Never what stands in a row: its details are left out.
#[derive(Debug, thiserror::Error)]
pub enum ServerSaid {
    /// A statement failed.
    #[error("{code}: {words}")]
    Failed {
        /// The SQLSTATE.
        code: String,
        /// What it is about: the message where that cannot hold anything of a row, else the constraint.
        words: String,
    },
    /// The connection is gone or was never made.
    #[error("no answer from the database server ({0})")]
    Silent(String),
    /// The system gives no thread.
    #[error("no thread for the connection to the database server")]
    NoThread,
    /// A simulated failure.
    #[error("a commit was made to fail")]
    Told,
}

impl From<tokio_postgres::Error> for ServerSaid {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            let words = error.to_string();
            // Not sent at all: the library tells this apart in words only.
            return if words.starts_with("error serializing") { Self::Failed { code: "22021".into(), words } } else { Self::Silent(words) };
        };
        let code = said.code().code();
        // Class 22 (data) quotes what was given, class 23 (constraints) names the constraint; what else there is speaks of statements.
        let words = match code.get(..2) {
            Some("22") => "a value does not fit".to_owned(),
            Some("23") => said.constraint().unwrap_or("a constraint").to_owned(),
            _ => said.message().to_owned(),
        };
        Self::Failed { code: code.to_owned(), words }
    }
}

impl From<ServerSaid> for StoreError {
    fn from(said: ServerSaid) -> Self {
        let code = match &said {
            ServerSaid::Failed { code, .. } => SqlState::from_code(code),
            ServerSaid::Silent(_) | ServerSaid::NoThread => return Self::NotReachable(Error::Server(said)),
            ServerSaid::Told => return Self::Other(Error::Server(said)),
        };
        let error = Error::Server(said);
        if code == SqlState::DISK_FULL {
            return Self::Full(error);
        }
        if [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::TOO_MANY_CONNECTIONS]
            .contains(&code)
        {
            return Self::Busy(error);
        }
        match code.code().get(..2) {
            Some("XX") => Self::Damaged(error),
            // Not let in, no such database, being stopped or started.
            Some("08" | "28" | "3D" | "57") => Self::NotReachable(error),
            _ => Self::Other(error),
        }
    }
}

/// A connection of one tenant.
pub struct Session {
    server: Server,
    tenant: Tenant,
    only_reads: bool,
    client: RefCell<Arc<Client>>,
    kept: RefCell<HashMap<String, Prepared>>,
    /// Whether a transaction is open that BEGIN has opened.
    inside: Cell<bool>,
    fails: RefCell<Option<Box<dyn FnMut() -> bool + Send>>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({:?}, {:?})", self.server, self.tenant)
    }
}

/// A statement as the server knows it, and what its places were declared as.
#[derive(Clone)]
struct Prepared {
    statement: Statement,
    kinds: Vec<Kind>,
}

impl Session {
    /// Connects, brings the schema up to date, and becomes the tenant.
    pub fn open(server: &Server, tenant: Tenant) -> Result<Self, StoreError> {
        let session = Self::connected(server, tenant, false)?;
        schema::check_role(&session)?;
        schema::bring_up_to_date(&session)?;
        Ok(session)
    }

    /// A further connection of the same tenant that only reads.
    pub fn reader(&self) -> Result<Self, StoreError> {
        Self::connected(&self.server, self.tenant, true)
    }

    fn connected(server: &Server, tenant: Tenant, only_reads: bool) -> Result<Self, StoreError> {
        let client = RefCell::new(Arc::new(introduced(server, tenant, only_reads)?));
        let (kept, inside, fails) = (RefCell::default(), Cell::new(false), RefCell::new(None));
        Ok(Self { server: server.clone(), tenant, only_reads, client, kept, inside, fails })
    }

    /// The client: made anew where the server was restarted, but never inside a transaction, which is lost then.
    fn client(&self) -> Result<Arc<Client>> {
        if self.client.borrow().is_closed() && !self.inside.get() {
            let anew = introduced(&self.server, self.tenant, self.only_reads)?;
            self.kept.borrow_mut().clear();
            *self.client.borrow_mut() = Arc::new(anew);
        }
        Ok(self.client.borrow().clone())
    }

    /// The version of the schema.
    pub fn version(&self) -> Result<usize, StoreError> {
        schema::version(self)
    }

    /// Runs statements without values.
    pub fn batch(&self, sql: &str) -> Result<()> {
        wait(self.client()?.batch_execute(sql)).map_err(|error| Error::Server(error.into()))
    }

    /// Begins a transaction: the only one of this tenant that writes, in whatever process.
    pub fn begin(&self) -> Result<()> {
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({})", self.tenant.0)).inspect_err(|_| drop(self.batch("ROLLBACK")))?;
        self.inside.set(true);
        Ok(())
    }

    /// Begins a transaction that sees one moment.
    pub fn begin_reading(&self) -> Result<()> {
        self.batch("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        self.inside.set(true);
        Ok(())
    }

    /// Makes what was written durable. A transaction in which a statement failed is taken back by the server instead: that is an error.
    pub fn commit(&self) -> Result<()> {
        if self.fails.borrow_mut().as_mut().is_some_and(|fails| fails()) {
            self.roll_back();
            return Err(Error::Server(ServerSaid::Told));
        }
        let client = self.client()?;
        let answer = wait(client.simple_query("SELECT 1; COMMIT"));
        self.inside.set(false);
        if answer.is_err() {
            drop(self.batch("ROLLBACK"));
        }
        answer.map(|_| ()).map_err(|error| Error::Server(error.into()))
    }

    /// Takes back what was written.
    pub fn roll_back(&self) {
        if self.inside.replace(false) {
            // Where the server is gone, it has taken it back itself.
            drop(self.batch("ROLLBACK"));
        }
    }

    /// Whether a transaction is open.
    pub const fn is_inside(&self) -> bool {
        self.inside.get()
    }

    /// Makes each commit fail for which `fails` answers yes.
    pub fn fail_commits(&mut self, fails: impl FnMut() -> bool + Send + 'static) {
        self.fails = RefCell::new(Some(Box::new(fails)));
    }

    /// A statement.
    pub fn prepare(&self, sql: &str) -> ServerStatement<'_> {
        ServerStatement { session: self, sql: sql.to_owned() }
    }

    fn prepared(&self, client: &Client, sql: &str, kinds: Vec<Kind>) -> Result<Statement> {
        if let Some(known) = self.kept.borrow().get(sql).filter(|known| known.kinds == kinds) {
            return Ok(known.statement.clone());
        }
        let types: Vec<_> = kinds.iter().map(|kind| kind.declared()).collect();
        let statement = wait(client.prepare_typed(&translate(sql), &types)).map_err(|error| Error::Server(error.into()))?;
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(sql.to_owned(), Prepared { statement: statement.clone(), kinds });
        Ok(statement)
    }

    fn run<T>(&self, sql: &str, values: &impl Params, run: impl FnOnce(&Client, &Statement, Vec<Sent<'_>>) -> Result<T>) -> Result<T> {
        let (mut kinds, mut sent) = (Vec::new(), Vec::new());
        values.each(&mut |kind, value: ValueRef<'_>| {
            kinds.push(kind);
            sent.push(Sent(value));
        });
        // What is written outside a transaction waits for the tenant's lock like what is written inside.
        let alone = !self.inside.get() && !self.only_reads && writes(sql);
        if alone {
            self.begin()?;
        }
        let client = self.client()?;
        let done = self.prepared(&client, sql, kinds).and_then(|statement| {
            let wanted = statement.params().len();
            if wanted == sent.len() { run(&client, &statement, sent) } else { Err(Error::Values { given: sent.len(), wanted }) }
        });
        match (alone, &done) {
            (true, Ok(_)) => self.commit()?,
            (true, Err(_)) => self.roll_back(),
            (false, _) => {}
        }
        done
    }
}

fn writes(sql: &str) -> bool {
    let first = sql.trim_start().get(..6).unwrap_or_default();
    ["INSERT", "UPDATE", "DELETE"].contains(&first)
}

/// A client that has said whose rows it means and how it works.
fn introduced(server: &Server, Tenant(tenant): Tenant, only_reads: bool) -> Result<Client> {
    let client = connect(server.config()).map_err(Error::Server)?;
    let reads = if only_reads { "on" } else { "off" };
    // A server that flushes more than asked for stays as it is; one that flushes less does not for us.
    let settings = format!(
        "SET teilhabe.tenant = '{tenant}'; SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'; SET default_transaction_read_only = {reads};
         SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET client_min_messages = warning;
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    );
    wait(client.batch_execute(&settings)).map_err(|error| Error::Server(error.into()))?;
    Ok(client)
}

/// A statement; it is prepared at the server when its values are known, for they say what its places are.
pub struct ServerStatement<'c> {
    session: &'c Session,
    sql: String,
}

impl ServerStatement<'_> {
    pub(in super::super) fn query(&self, values: &impl Params) -> Result<ServerRows> {
        let rows = self.session.run(&self.sql, values, |client, statement, sent| wait(rows(client, statement, sent)))?;
        Ok(ServerRows { left: rows.into_iter(), current: None })
    }

    pub(in super::super) fn execute(&self, values: &impl Params) -> Result<usize> {
        let count = self.session.run(&self.sql, values, |client, statement, sent| {
            wait(client.execute_raw(statement, sent)).map_err(|error| Error::Server(error.into()))
        })?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}

async fn rows(client: &Client, statement: &Statement, sent: Vec<Sent<'_>>) -> Result<Vec<Row>> {
    let said = |error: tokio_postgres::Error| Error::Server(error.into());
    let stream = client.query_raw(statement, sent).await.map_err(said)?;
    pin_mut!(stream);
    stream.try_collect().await.map_err(said)
}
