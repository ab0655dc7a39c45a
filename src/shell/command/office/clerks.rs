//! Commands on clerks' accounts: for whoever sets up the server, and for the day nobody else can help.

use super::{Report, Usage};
use crate::office::{Claim, IdentityProvider, Office, OfficeError, Role, Roles, SecondFactor, account, second_factor};
use crate::shell::door::now;
use crate::shell::secret_file;
use crate::shell::store::office::{clerks, passkeys};
use crate::words::civil::CivilDay;
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

/// By whom the audit log says it was done.
const BY: &str = "cli";

/// Clerks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a clerk, or give one a new password; prints the password, which is to be changed at first sign-in.
    Add {
        /// The clerk's name.
        #[arg(long)]
        name: String,
        /// issue, reconcile, release, admin or audit; may be given several times. Without it a new clerk has all but audit.
        #[arg(long, value_name = "ROLE")]
        role: Vec<String>,
    },
    /// List all clerks with their roles.
    List,
    /// Close an account: nobody signs in with it any more.
    Close {
        /// The clerk's name.
        #[arg(long)]
        name: String,
    },
    /// Open a closed account again.
    Open {
        /// The clerk's name.
        #[arg(long)]
        name: String,
    },
    /// Take one-time codes and passkeys from an account whose owner has lost them.
    ResetFactor {
        /// The clerk's name.
        #[arg(long)]
        name: String,
    },
    /// Let clerks sign in with the municipality's own service (OpenID Connect); without --issuer it is switched off.
    Service {
        /// The service's address, as its discovery document names it.
        #[arg(long, value_name = "URL", requires = "client_id")]
        issuer: Option<String>,
        /// As what the service knows this office.
        #[arg(long, value_name = "ID", requires = "issuer")]
        client_id: Option<String>,
        /// A file with the secret shared with it; none for a public client.
        #[arg(long, value_name = "FILE", requires = "issuer")]
        secret_file: Option<PathBuf>,
        /// By which claim an account is found at first: email, preferred_username, or sub where each clerk links the account.
        #[arg(long, default_value = "email")]
        claim: String,
    },
    /// Say whether clerks need a second factor beside their password.
    SecondFactor {
        /// `optional` is for trying things out.
        value: Factor,
    },
}

/// Whether clerks need a second factor.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Factor {
    /// Everybody needs one.
    Required,
    /// The password alone is enough for who has none.
    Optional,
}

/// Carries out one command on clerks.
pub fn run(office: &mut Office, command: Command) -> anyhow::Result<Report> {
    match command {
        Command::Add { name, role } => add(office, &name, &role),
        Command::List => list(office),
        Command::Close { name } => {
            let id = id(office, &name)?;
            office.close_clerk(BY, id, now())?;
            Ok(Report::new(format!("The account of {name} is closed."), json!({"clerk": name, "closed": true})))
        }
        Command::Open { name } => {
            let id = id(office, &name)?;
            office.reopen_clerk(BY, id, now())?;
            Ok(Report::new(format!("The account of {name} is open."), json!({"clerk": name, "closed": false})))
        }
        Command::ResetFactor { name } => {
            let id = id(office, &name)?;
            office.reset_factor(BY, id, now())?;
            Ok(Report::new(format!("{name} sets up a second factor anew at the next sign-in."), json!({"clerk": name})))
        }
        Command::Service { issuer: Some(issuer), client_id: Some(client_id), secret_file, claim } => {
            let claim = Claim::parse(&claim).ok_or_else(|| Usage(format!("--claim {claim}: a claim is email, preferred_username or sub")))?;
            let secret = secret_file.map(|path| secret_file::read(&path)).transpose().map_err(OfficeError::from)?.unwrap_or_default();
            let provider = IdentityProvider { issuer: issuer.clone(), client_id, secret, claim };
            office.set_identity_provider(BY, Some(&provider), now())?;
            Ok(Report::new(format!("Clerks may sign in with {issuer}."), json!({"issuer": issuer, "claim": claim.name()})))
        }
        Command::Service { .. } => {
            office.set_identity_provider(BY, None, now())?;
            Ok(Report::new("Clerks sign in with name and password, or a passkey.", json!({"issuer": null})))
        }
        Command::SecondFactor { value } => {
            let (factor, text) = match value {
                Factor::Required => (SecondFactor::Required, "Every clerk needs a second factor from the next sign-in on."),
                Factor::Optional => (SecondFactor::Optional, "The password alone is enough for clerks who have no second factor."),
            };
            office.set_second_factor(BY, factor, now())?;
            Ok(Report::new(text, json!({"second_factor": format!("{value:?}").to_lowercase()})))
        }
    }
}

fn id(office: &Office, name: &str) -> Result<i64, OfficeError> {
    let known = account(office.db(), name)?;
    known.map(|known| known.id).ok_or_else(|| OfficeError::NotFound(format!("there is no clerk “{name}”: look at `teilhabe office clerk list`")))
}

fn add(office: &mut Office, name: &str, role: &[String]) -> anyhow::Result<Report> {
    let parse = |text: &String| Role::parse(text).ok_or_else(|| Usage(format!("--role {text}: a role is issue, reconcile, release, admin or audit")));
    let roles = Roles::of(&role.iter().map(parse).collect::<Result<Vec<_>, _>>()?);
    let roles = if role.is_empty() { None } else { Some(roles) };
    let password = match (account(office.db(), name)?, roles) {
        (None, roles) => office.add_clerk(BY, name, &roles.unwrap_or_else(Roles::working), now())?,
        (Some(known), roles) => {
            if let Some(roles) = roles {
                office.give_roles(BY, known.id, &roles, now())?;
            }
            office.reset_password(BY, known.id, now())?
        }
    };
    Ok(Report::new(
        format!("{name} can log in with this password, which is shown only now and changed at first sign-in:\n{password}"),
        json!({"clerk": name, "password": password}),
    ))
}

fn list(office: &Office) -> anyhow::Result<Report> {
    let (mut lines, mut rows) = (Vec::new(), Vec::new());
    for known in clerks::all(office.db())? {
        let passkeys = passkeys::of_clerk(office.db(), known.id)?.len();
        let state = if known.closed.is_some() { "  (closed)" } else { "" };
        let last = known.last_sign_in.map(|at| CivilDay::of(at).to_string());
        lines.push(format!("{}  {}  {}{state}", known.name, known.roles, last.as_deref().unwrap_or("never signed in")));
        rows.push(json!({"clerk": known.name, "roles": known.roles.split_whitespace().collect::<Vec<_>>(), "closed": known.closed.is_some(),
            "last_sign_in": last, "one_time_codes": known.factor.is_some(), "passkeys": passkeys}));
    }
    let required = second_factor(office.db())? == SecondFactor::Required;
    Ok(Report::new(lines.join("\n"), json!({"clerks": rows, "second_factor_required": required})))
}
