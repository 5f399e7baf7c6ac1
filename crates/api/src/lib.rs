//! REST, webhooks, sign-in, Socket.IO, OpenAPI. Never calls an engine.
