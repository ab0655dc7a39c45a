//! A connection of one tenant, its prepared statements and its transactions.

use super::super::{Error, Kind, Params, Result, ValueRef};
use super::dialect::translate;
use super::driver::{connect, wait};
use super::each::{Columns, Place, over_arrays};
use super::rows::{ServerRows, Streaming};
use super::said::ServerSaid;
use super::wire::Sent;
use super::{Server, Tenant, schema};
use crate::shell::store::StoreError;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Weak};
use tokio_postgres::types::{BorrowToSql, Type};
use tokio_postgres::{Client, Row, Statement};

/// How long a statement waits for another process that is writing: longer than the largest batch takes, and so short that all who may wait in
/// a row do not outlast the watchdog.
const LOCK_TIMEOUT_SECONDS: u32 = 12;
/// The most statements kept prepared; past them the server is told to forget all.
const MOST_KEPT: usize = 512;
/// The most sets of values sent at once.
const MOST_AT_ONCE: usize = 5_000;

/// A connection of one tenant.
pub struct Session {
    server: Server,
    tenant: Tenant,
    only_reads: bool,
    client: RefCell<Arc<Client>>,
    kept: RefCell<HashMap<String, Prepared>>,
    /// Whether a transaction is open that BEGIN has opened.
    inside: Cell<bool>,
    /// The query whose rows are still arriving: they are kept before anything else is asked, for answers come in the order of questions.
    arriving: RefCell<Weak<Streaming>>,
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
    meant: Meant,
}

/// What the places of a statement are: for one set of values, or over arrays of them.
#[derive(Clone, PartialEq, Eq)]
enum Meant {
    Once(Vec<Kind>),
    ForEach(Vec<(Kind, Place)>),
}

impl Meant {
    fn types(&self) -> Vec<Type> {
        match self {
            Self::Once(kinds) => kinds.iter().map(|kind| kind.declared()).collect(),
            Self::ForEach(places) => {
                places.iter().map(|(kind, place)| if *place == Place::One { kind.declared() } else { kind.declared_array() }).collect()
            }
        }
    }

    fn text(&self, sql: &str) -> Result<String> {
        match self {
            Self::Once(_) => Ok(translate(sql)),
            Self::ForEach(places) => Ok(translate(&over_arrays(sql, places)?)),
        }
    }

    /// The key under which it is kept: one for each way the same text is meant, the kinds aside.
    fn key(&self, sql: &str) -> String {
        match self {
            Self::Once(_) => sql.to_owned(),
            Self::ForEach(places) => {
                let ones: String = places.iter().map(|(_, place)| if *place == Place::One { '1' } else { 'n' }).collect();
                format!("{ones} {sql}")
            }
        }
    }
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
        Ok(Self {
            client: RefCell::new(Arc::new(introduced(server, tenant, only_reads)?)),
            server: server.clone(),
            tenant,
            only_reads,
            kept: RefCell::default(),
            inside: Cell::new(false),
            arriving: RefCell::default(),
            fails: RefCell::new(None),
        })
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
        let client = self.client()?;
        self.answer(async { client.batch_execute(sql).await.map_err(said) })
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
        let answer = self.answer(async { client.simple_query("SELECT 1; COMMIT").await.map(|_| ()).map_err(said) });
        self.inside.set(false);
        answer.inspect_err(|_| drop(self.batch("ROLLBACK")))
    }

    /// Takes back what was written.
    pub fn roll_back(&self) {
        if self.inside.replace(false) {
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

    /// Waits for an answer.
    fn answer<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T> {
        self.keep_arriving()?;
        wait(asked)
    }

    /// Keeps the rows that are still arriving, so that another answer can come.
    fn keep_arriving(&self) -> Result<()> {
        let arriving = std::mem::take(&mut *self.arriving.borrow_mut());
        arriving.upgrade().map_or(Ok(()), |rows| rows.keep())
    }

    fn prepared(&self, client: &Client, sql: &str, meant: Meant) -> Result<Statement> {
        let key = meant.key(sql);
        if let Some(known) = self.kept.borrow().get(&key).filter(|known| known.meant == meant) {
            return Ok(known.statement.clone());
        }
        let (text, types) = (meant.text(sql)?, meant.types());
        let statement = self.answer(async { client.prepare_typed(&text, &types).await.map_err(said) })?;
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, Prepared { statement: statement.clone(), meant });
        Ok(statement)
    }

    /// Prepares and runs a statement. What is written outside a transaction waits for the tenant's lock like what is written inside.
    fn run<T>(&self, sql: &str, meant: Meant, run: impl FnOnce(Arc<Client>, Statement) -> Result<T>) -> Result<T> {
        let alone = !self.inside.get() && !self.only_reads && writes(sql);
        if alone {
            self.begin()?;
        }
        let client = self.client()?;
        let given = meant.types().len();
        let done = self.prepared(&client, sql, meant).and_then(|statement| {
            let wanted = statement.params().len();
            if wanted == given { run(client, statement) } else { Err(Error::Values { given, wanted }) }
        });
        match (alone, &done) {
            (true, Ok(_)) => self.commit()?,
            (true, Err(_)) => self.roll_back(),
            (false, _) => {}
        }
        done
    }

    /// All rows of a statement; where `stream` says so, one after the other as they are asked for.
    fn rows<P: BorrowToSql>(&self, client: &Client, statement: &Statement, sent: Vec<P>, stream: bool) -> Result<ServerRows> {
        let arriving = self.answer(async { client.query_raw(statement, sent).await.map_err(said) })?;
        let rows = Arc::new(Streaming::of(arriving));
        if stream {
            *self.arriving.borrow_mut() = Arc::downgrade(&rows);
        } else {
            rows.keep()?;
        }
        Ok(ServerRows::of(rows))
    }

    /// Runs a statement for each set of values, many at once; answers how many rows it has changed.
    pub fn execute_each<P: Params>(&self, sql: &str, sets: &[P]) -> Result<usize> {
        let mut changed = 0;
        for sets in sets.chunks(MOST_AT_ONCE) {
            let columns = Columns::of(sets)?;
            let done = self.run(sql, Meant::ForEach(columns.places()), |client, statement| {
                self.answer(async { client.execute_raw(&statement, columns.sent()).await.map_err(said) })
            })?;
            changed += usize::try_from(done).unwrap_or(usize::MAX);
        }
        Ok(changed)
    }

    /// Runs a query for each set of values, many at once: each row is given with the place of its set.
    pub fn query_each<P: Params, E: From<Error>>(&self, sql: &str, sets: &[P], mut read: impl FnMut(usize, &Row) -> Result<(), E>) -> Result<(), E> {
        for (chunk, sets) in sets.chunks(MOST_AT_ONCE).enumerate() {
            let columns = Columns::of(sets)?;
            let mut rows =
                self.run(sql, Meant::ForEach(columns.places()), |client, statement| self.rows(&client, &statement, columns.sent(), !writes(sql)))?;
            while let Some(row) = rows.next()? {
                let place: i64 = row.try_get(row.len().saturating_sub(1)).map_err(|_| Error::Column(row.len()))?;
                read(chunk * MOST_AT_ONCE + usize::try_from(place - 1).unwrap_or(0), row)?;
            }
        }
        Ok(())
    }
}

fn writes(sql: &str) -> bool {
    let first = sql.trim_start().get(..6).unwrap_or_default();
    ["INSERT", "UPDATE", "DELETE"].contains(&first)
}

fn said(error: tokio_postgres::Error) -> Error {
    Error::Server(error.into())
}

/// A client that has said whose rows it means and how it works.
fn introduced(server: &Server, Tenant(tenant): Tenant, only_reads: bool) -> Result<Client> {
    let client = connect(server).map_err(Error::Server)?;
    let reads = if only_reads { "on" } else { "off" };
    // A server that flushes more than asked for stays as it is; one that flushes less does not for us.
    let settings = format!(
        "SET teilhabe.tenant = '{tenant}'; SET lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'; SET default_transaction_read_only = {reads};
         SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET client_min_messages = warning;
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    );
    wait(client.batch_execute(&settings)).map_err(said)?;
    Ok(client)
}

/// A statement; it is prepared at the server when its values are known, for they say what its places are.
pub struct ServerStatement<'c> {
    session: &'c Session,
    sql: String,
}

fn split<'v>(values: &'v impl Params) -> (Vec<Kind>, Vec<Sent<'v>>) {
    let (mut kinds, mut sent) = (Vec::new(), Vec::new());
    values.each(&mut |kind, value: ValueRef<'v>| {
        kinds.push(kind);
        sent.push(Sent(value));
    });
    (kinds, sent)
}

impl ServerStatement<'_> {
    pub(in super::super) fn query(&self, values: &impl Params) -> Result<ServerRows> {
        let (kinds, sent) = split(values);
        // What fails after the first row of a change must not be overlooked.
        let stream = !writes(&self.sql);
        self.session.run(&self.sql, Meant::Once(kinds), |client, statement| self.session.rows(&client, &statement, sent, stream))
    }

    pub(in super::super) fn execute(&self, values: &impl Params) -> Result<usize> {
        let (kinds, sent) = split(values);
        let count = self.session.run(&self.sql, Meant::Once(kinds), |client, statement| {
            self.session.answer(async { client.execute_raw(&statement, sent).await.map_err(said) })
        })?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
