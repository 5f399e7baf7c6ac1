//! Requests that a service answers.

mod outgoing;

pub(crate) use outgoing::Outgoing;
