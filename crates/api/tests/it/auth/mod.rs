//! Signing in, and staying or not staying so.

mod bearer;
mod cookie;
mod github;
mod password;
mod sessions;
mod setup;
