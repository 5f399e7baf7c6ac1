//! The deploy engine on a real disk, a real SQLite database and a real edge.

mod activating;
mod promoting;
mod protecting;
mod publishing;
mod removing;
mod restoring;
mod running;
mod services;
mod world;
