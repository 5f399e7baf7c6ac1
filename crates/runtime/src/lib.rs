//! The only crate that talks to Docker: sandbox settings, networks, labels, sweep.
