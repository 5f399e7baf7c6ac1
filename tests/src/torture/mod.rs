//! What Berth has to survive: killed at every step, without Docker, without its database, under load, and fed with
//! everything that is wrong.
//!
//! Each case is a function that counts what it tried and what did not survive ([`Tally`]). `tests/torture.rs` runs a
//! short form of most with the other tests; the program `torture` (`make torture`) runs all of them at full length and
//! prints a table.

mod database_away;
mod dice;
mod docker_away;
mod fail_points;
mod kills;
mod leaks;
mod neighbours;
mod ordeals;
mod order;
mod properties;
mod redeploys;
mod requests;
mod rotation;
mod schemathesis;
mod settled;
mod starts;
mod switches;
mod tally;
mod values;
mod webhooks;

pub use database_away::database_goes_away;
pub use docker_away::{DockerLine, docker_goes_away};
pub(crate) use fail_points::FAIL_POINTS;
pub use fail_points::FailPoints;
pub use kills::{Kills, Ordeal, at_each_kind_of_step, at_each_step, at_these_steps};
pub use leaks::builds_leave_nothing;
pub use neighbours::hostile_builds_beside_a_harmless_one;
pub use ordeals::{BranchEnd, Deletion, FolderUpload, Promotion, Push, Renaming, Rollback, Rollout};
pub use order::files_reach_the_disk_before_their_names;
pub use properties::properties;
pub use redeploys::redeploys;
pub use requests::fuzz_requests;
pub use rotation::killed_while_rotating;
pub use schemathesis::schemathesis;
pub use settled::settled;
pub use starts::{killed_at_its_first_start, killed_while_recovering};
pub use switches::switches;
pub use tally::Tally;
pub use webhooks::webhooks_while_builds_run;
