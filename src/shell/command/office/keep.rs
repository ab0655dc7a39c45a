//! Commands about what is kept: the books for an auditor.

use super::{day, make_out, write_file};
use crate::office::{Action, BookOrder, BookStep, Office, OfficeError};
use crate::shell::command::{Report, Usage};
use crate::shell::door::now;
use crate::shell::handover::Handover;
use crate::shell::store::StoreError;
use crate::words::ids::TokenId;
use askama::Template;
use serde_json::json;
use std::path::PathBuf;

/// The books of a period.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// The first day.
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The last day.
    #[arg(long, value_name = "DATE")]
    to: String,
    /// The folder, new or empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// With case references, legal bases and notes: social data, for the office's own audit only.
    #[arg(long)]
    cases: bool,
}

/// Everything held of one child.
#[derive(Debug, clap::Args)]
pub struct Disclose {
    /// The id of any of the child's tokens, in hexadecimal.
    #[arg(long, value_name = "ID")]
    token: String,
    /// The folder for both files.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes what is held of one child.
pub fn disclose(office: &mut Office, asked: &Disclose) -> anyhow::Result<Report> {
    let token = TokenId::from_hex(&asked.token).ok_or_else(|| Usage(format!("--token {}: a token's id is 32 hexadecimal digits", asked.token)))?;
    let child = office.child_of_token(token)?;
    make_out(&asked.out)?;
    let disclosure = office.disclose(child, "cli", now())?;
    let page = disclosure.render().map_err(|why| OfficeError::Wrong(format!("the page could not be made: {why}")))?;
    write_file(&asked.out, "auskunft.html", page.as_bytes())?;
    write_file(&asked.out, "auskunft.json", disclosure.json().to_string().as_bytes())?;
    let files = ["auskunft.html", "auskunft.json"];
    Ok(Report::new(format!("Everything held of this child is in {}: {}.", asked.out.display(), files.join(", ")), json!({"files": files})))
}

/// Writes the books.
pub fn export(office: &mut Office, asked: &Export) -> anyhow::Result<Report> {
    let order = BookOrder { from: day(&asked.from, "--from")?, to: day(&asked.to, "--to")?, cases: asked.cases };
    let out = Handover::into_folder(&asked.out).map_err(|why| OfficeError::Wrong(format!("the books cannot be written: {why}")))?;
    let mut export = office.books(order, out, now())?;
    let detail = format!("{} to {}{}", order.from, order.to, if order.cases { ", with cases" } else { "" });
    office.note("cli", Action::Export, "books", &detail, now())?;
    let db = office.db().reader()?.ok_or_else(|| OfficeError::Wrong("a database in memory has no books to hand over".into()))?;
    db.reading().map_err(StoreError::from)?;
    loop {
        if let BookStep::Done { rows, files } = export.step(&db)? {
            let text = format!("{rows} rows written to {} in {files} files, with checksums and a seal signed by this office.", asked.out.display());
            return Ok(Report::new(text, json!({"rows": rows, "files": files})));
        }
    }
}
