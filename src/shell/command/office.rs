//! The office's commands. None exists yet: the command line says so and offers none.

use super::{Context, Report};

/// What an office can be told to do.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

/// Carries out one command of the office.
pub fn run(command: Command, _context: &Context) -> anyhow::Result<Report> {
    match command {}
}
