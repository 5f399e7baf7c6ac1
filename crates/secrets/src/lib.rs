//! Sealing of secret values: AES-256-GCM, the key ring, password hashes. No database, no HTTP.
