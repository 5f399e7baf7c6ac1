//! What a build leaves becomes an artifact: plain files and directories in a staging directory, and nothing else.
//!
//! [`write`] holds the rules, wherever the files come from: a tar stream out of a container ([`unpack`]) or a commit
//! without a build ([`copy`]), or a folder that somebody sends ([`folder`]). [`missing`] says what to do when there is nothing.

mod copy;
mod folder;
pub(crate) mod missing;
mod unpack;
mod write;

pub(crate) use copy::copy;
pub use folder::{Folder, unpack_folder};
pub(crate) use unpack::unpack;
pub(crate) use write::Written;
