//! Named steps of the pipeline: where tests end the process.
//!
//! [`step!`](crate::step) stands behind each write, rename and commit that a restart has to make sense of. It is nothing
//! at all, unless the feature `fail-points` is on, as it is in the test binary `berth-fail-points`: then whoever called
//! `on_step` hears of each step, and may end the process there.

/// Marks that something which outlives the process has just been done: `step!("release renamed")`.
#[cfg(not(feature = "fail-points"))]
#[macro_export]
macro_rules! step {
    ($what:literal) => {};
}

/// Marks that something which outlives the process has just been done: `step!("release renamed")`.
#[cfg(feature = "fail-points")]
#[macro_export]
macro_rules! step {
    ($what:literal) => {
        $crate::steps::reached($what)
    };
}

#[cfg(feature = "fail-points")]
pub use heard::{on_step, reached};

#[cfg(feature = "fail-points")]
mod heard {
    use std::sync::OnceLock;

    static LISTENER: OnceLock<fn(&'static str)> = OnceLock::new();

    /// Who hears of each step from now on. Only the first caller is heard.
    pub fn on_step(listener: fn(&'static str)) {
        let _ = LISTENER.set(listener);
    }

    /// What [`step!`](crate::step) calls.
    pub fn reached(step: &'static str) {
        if let Some(listener) = LISTENER.get() {
            listener(step);
        }
    }
}
