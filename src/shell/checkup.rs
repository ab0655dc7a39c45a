//! What is wrong with a terminal or an office and what to do: for `doctor` and for the page of settings. It looks, and repairs nothing.

pub mod backup;
pub mod folder;
#[cfg(feature = "office")]
pub mod office;
#[cfg(feature = "terminal")]
pub mod terminal;

use serde::Serialize;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// All is well.
    Ok,
    /// Somebody should look at it soon; work goes on.
    Warn,
    /// Something is lost, refused or unsafe until somebody acts.
    Bad,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name.
    pub check: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What is wrong and what to do, in one sentence; none when all is well.
    pub wrong: Option<String>,
}

impl Finding {
    /// All is well with it.
    pub const fn well(check: &'static str) -> Self {
        Self { check, grade: Grade::Ok, wrong: None }
    }

    /// Somebody should look at it.
    pub fn warn(check: &'static str, wrong: impl Into<String>) -> Self {
        Self { check, grade: Grade::Warn, wrong: Some(wrong.into()) }
    }

    /// Somebody must act.
    pub fn bad(check: &'static str, wrong: impl Into<String>) -> Self {
        Self { check, grade: Grade::Bad, wrong: Some(wrong.into()) }
    }

    /// Bad where something is wrong.
    pub fn bad_if(check: &'static str, wrong: Option<String>) -> Self {
        wrong.map_or_else(|| Self::well(check), |wrong| Self::bad(check, wrong))
    }
}

/// Whether nothing is bad.
pub fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.grade < Grade::Bad)
}
