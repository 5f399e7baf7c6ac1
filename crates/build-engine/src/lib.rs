//! A commit becomes an artifact: source, detection, plan, build, log pipeline.
