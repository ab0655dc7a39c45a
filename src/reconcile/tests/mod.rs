//! Reconciliation held against scenarios in text tables, and against a second, naive statement of its rules.

mod counter;
mod naive;
mod naive_ceilings;
mod property;
mod reach;
mod reissue;
mod scenarios;
mod standing;
mod table;
mod why;
mod world;
