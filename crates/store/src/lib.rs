//! All SQL, for SQLite and PostgreSQL: the build queue with leases, the event log, the routes.
