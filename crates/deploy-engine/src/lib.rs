//! An artifact becomes a live site: publish, activate, roll back, prune.
