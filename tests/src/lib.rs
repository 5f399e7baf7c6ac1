//! Shared ground of the end-to-end tests: the world around Berth, made of real parts.
//!
//! [`Berth`] is the real binary in a process of its own; [`GitServer`] serves real repositories over smart HTTP;
//! [`FakeGithub`] is the only part that is not real, because the real one cannot be asked to misbehave; [`SocketClient`]
//! is the real `socket.io-client`; [`Database`] is SQLite or a real PostgreSQL. Everything listens on a free port, lives
//! in a temporary directory and is gone after the test. A missing part is a failure that names it, never a skip.
//!
//! What is deliberately not here: anything that looks inside Berth. Tests see what its users see, and Docker's own list.

mod application;
mod berth;
mod branches;
mod chromium;
mod database;
mod docker;
mod doorway;
mod fake_github;
mod fleet;
mod git_server;
mod process;
mod session;
mod site;
mod socket_client;
mod told;
pub mod torture;
mod wait;
mod webhook;
mod wire;
mod world;

pub use application::Application;
pub use berth::{Berth, WEBHOOK_SECRET};
pub use chromium::chromium;
pub use database::Database;
pub use docker::{Docker, Replica};
pub use doorway::Doorway;
pub use fake_github::{
    Comment, CommitStatus, Deployment, DeploymentStatus, FakeGithub, Hook, Limit, PullRequest, Seen,
};
pub use fleet::{Vessel, Voyage, deploy_each};
pub use git_server::{GitServer, Repo};
pub use process::Process;
pub use session::{Answer, Session, number};
pub use site::{Page, Site};
pub use socket_client::{SocketClient, SocketEvent};
pub use wait::eventually;
pub use webhook::{Announcement, Delivery, HostKind, push_payload};
pub use wire::Wire;
pub use world::{Project, Shop, World};
