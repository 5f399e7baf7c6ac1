//! `berth_server::run` on a free port with its own directories and SQLite, talked to over raw sockets.

mod cli;
mod downloads;
mod drips;
mod floods;
mod framing;
mod hosts;
mod http_2;
mod log;
mod metrics;
mod over_http_2;
mod ownership;
mod place;
mod plan;
mod protection;
mod restart;
mod secrets;
mod short_way;
mod slow;
mod starting;
mod switching;
