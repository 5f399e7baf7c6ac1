//! The berth binary: configuration, wiring, the worker loop, lifecycle.
