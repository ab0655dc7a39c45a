//! Room 6: every claim line against what was granted and agreed. Pure: the same lines give the same decisions in any order.
//!
//! A child's lines are decided together, for slots and ceilings belong to the child: [`child::reconcile_child`].

pub mod calendar;
pub mod child;
pub mod compare;
pub mod conflict;
pub mod finding;
pub mod holidays;
pub mod pattern;
pub mod reach;
pub mod register;
pub mod ruling;
pub mod why;

#[cfg(test)]
mod tests;
