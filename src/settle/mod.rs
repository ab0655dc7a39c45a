//! What is paid: decided lines become one run that two clerks release, and from it the payment file, the posting and the statements.
//!
//! Everything in a run agrees to the cent: lines = statements = transfers = posting = control sum of the payment file.
//! Reading order: `settlement` (the way from lines to a released run), then what is made of it.

pub mod account;
#[cfg(test)]
mod agreement;
pub mod clerk;
pub mod invoice;
pub mod leitweg;
pub mod posting;
pub mod returned;
pub mod run;
pub mod selection;
pub mod sepa;
pub mod settlement;
pub mod statement;
pub mod tax_id;
