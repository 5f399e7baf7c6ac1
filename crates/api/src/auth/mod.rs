//! Who is asking, and how they came to be somebody: setup, passwords, GitHub, sessions and bearer tokens.
//!
//! A session is a row in the store. A browser holds its token in a cookie; any other client holds a JWT of an hour
//! that carries the session's id. Both ask the store at each use, so that revoking a session ends both. Programs send an
//! API token that somebody made for them, under `/api/v1` only. A token in an address is read nowhere.

mod caller;
mod cookies;
mod github;
mod jwt;
mod password;
mod sender;
mod sessions;
mod setup;
mod throttle;

pub(crate) use caller::{Admin, Caller, FolderSender, Person, is_from_foreign_page};
pub(crate) use cookies::OurCookie;
pub(crate) use github::{__path_disconnect, callback, disconnect, leave_for_github};
pub(crate) use jwt::Jwt;
pub(crate) use password::{__path_change_password, Hashing, NewPassword, change_password};
pub(crate) use sender::Sender;
pub(crate) use sessions::{
    __path_current, __path_list, __path_revoke, __path_revoke_others, __path_sign_in, __path_sign_out, SignedIn, admit,
    current, list, refuse_foreign_origin, revoke, revoke_others, sign_in, sign_out, too_many, welcome,
};
pub(crate) use setup::{__path_set_up, __path_setup_state, set_up, setup_state};
pub(crate) use throttle::Throttle;
