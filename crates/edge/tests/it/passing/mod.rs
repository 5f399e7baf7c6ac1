//! Requests that services answer: real services, honest and otherwise, behind an edge that listens.

mod evil;
mod states;
mod straight;
mod unusual;
mod upgrades;
mod world;
