-- Berth's tables, first edition. The same file name in ../sqlite holds the same tables in its dialect.
-- Times are microseconds since 1970 (UTC). Statuses are words; which may follow which is decided in crates/model.

CREATE TABLE setting (
    name       TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE "user" (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role          TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    username      TEXT NOT NULL,
    login_name    TEXT UNIQUE,
    password_hash TEXT,
    email         TEXT,
    avatar        TEXT,
    github_id     BIGINT UNIQUE,
    github_token  TEXT,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE TABLE session (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    token_hash   BYTEA NOT NULL UNIQUE,
    user_agent   TEXT,
    ttl          BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX session_owner ON session (user_id);

CREATE TABLE oauth_attempt (
    state_hash   BYTEA PRIMARY KEY,
    browser_hash BYTEA NOT NULL,
    verifier     TEXT NOT NULL,
    redirect     TEXT NOT NULL,
    expires_at   BIGINT NOT NULL
);

CREATE TABLE project (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id          BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    name             TEXT NOT NULL,
    branch           TEXT NOT NULL,
    repo_url         TEXT NOT NULL,
    repo_key         TEXT NOT NULL,
    install_command  TEXT,
    build_command    TEXT,
    output_directory TEXT,
    root_directory   TEXT,
    node_version     TEXT,
    spa_fallback     BOOLEAN,
    webhook_id       BIGINT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    deleted_at       BIGINT
);
CREATE UNIQUE INDEX project_name ON project (name) WHERE deleted_at IS NULL;
CREATE INDEX project_repo ON project (repo_key);
CREATE INDEX project_owner ON project (user_id);

CREATE TABLE variable (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('secret', 'plain')),
    value      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (project_id, key)
);

CREATE TABLE build (
    id               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id       BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    status           TEXT NOT NULL CHECK (status IN ('queued', 'running', 'passed', 'failed', 'canceled', 'superseded')),
    trigger          TEXT NOT NULL,
    environment      TEXT NOT NULL CHECK (environment IN ('production', 'preview')),
    branch           TEXT NOT NULL,
    commit_hash      TEXT,
    commit_message   TEXT,
    commit_author    TEXT,
    exit_code        BIGINT,
    failure          TEXT,
    plan             TEXT,
    steps            TEXT NOT NULL DEFAULT '[]',
    attempts         BIGINT NOT NULL DEFAULT 0,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    lease_token      TEXT,
    lease_expires_at BIGINT,
    created_at       BIGINT NOT NULL,
    started_at       BIGINT,
    finished_at      BIGINT
);
CREATE INDEX build_project ON build (project_id, id);
CREATE INDEX build_waiting ON build (status, id) WHERE status IN ('queued', 'running');
-- Two runs of one branch would race for its caches and its host.
CREATE UNIQUE INDEX build_running ON build (project_id, branch) WHERE status = 'running';

-- One row per quarter second of output, not per line: see crates/store/src/logs.rs for the form of `lines`.
CREATE TABLE log (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    build_id   BIGINT NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    first_line BIGINT NOT NULL,
    last_line  BIGINT NOT NULL,
    lines      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (build_id, first_line)
);

-- A deployment's id names its directory, so it is handed out before the deployment exists.
CREATE TABLE reservation (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    build_id   BIGINT NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    short_id   TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE deployment (
    id           BIGINT PRIMARY KEY,
    short_id     TEXT NOT NULL UNIQUE,
    project_id   BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    build_id     BIGINT NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    environment  TEXT NOT NULL CHECK (environment IN ('production', 'preview')),
    branch       TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('ready', 'live', 'retired', 'rolled_back', 'failed')),
    host         TEXT NOT NULL,
    files        BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    released     BOOLEAN NOT NULL,
    created_at   BIGINT NOT NULL,
    activated_at BIGINT,
    retired_at   BIGINT
);
CREATE INDEX deployment_project ON deployment (project_id, id);
CREATE INDEX deployment_build ON deployment (build_id);
CREATE UNIQUE INDEX deployment_live ON deployment (project_id, environment, branch) WHERE status = 'live';

-- `branch` routes follow what is live; `deployment` routes lead to one deployment for as long as its files are kept.
-- `newest_build` is the newest build that was ever live there: an older one does not go live by itself again.
CREATE TABLE route (
    host          TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('branch', 'deployment')),
    project_id    BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    environment   TEXT NOT NULL CHECK (environment IN ('production', 'preview')),
    branch        TEXT NOT NULL,
    deployment_id BIGINT REFERENCES deployment (id) ON DELETE SET NULL,
    newest_build  BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL
);
CREATE INDEX route_project ON route (project_id);

CREATE TABLE activation (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deployment_id BIGINT NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    reason        TEXT NOT NULL CHECK (reason IN ('build', 'rollback', 'promote')),
    state         TEXT NOT NULL CHECK (state IN ('pending', 'done', 'refused')),
    refusal       TEXT,
    requested_by  BIGINT REFERENCES "user" (id) ON DELETE SET NULL,
    created_at    BIGINT NOT NULL,
    finished_at   BIGINT
);
CREATE INDEX activation_pending ON activation (id) WHERE state = 'pending';
CREATE INDEX activation_deployment ON activation (deployment_id);

-- No reference to the project: what happened to it outlives it.
CREATE TABLE event (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    project_id BIGINT,
    payload    TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX event_owner ON event (user_id, id);

CREATE TABLE delivery (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider    TEXT NOT NULL,
    delivery_id TEXT,
    event       TEXT NOT NULL,
    verdict     TEXT NOT NULL CHECK (verdict IN ('accepted', 'duplicate', 'ignored', 'rejected')),
    reason      TEXT NOT NULL,
    repo        TEXT,
    body        BYTEA,
    received_at BIGINT NOT NULL
);
-- Only an accepted delivery counts as seen: one whose handling failed can be sent again.
CREATE UNIQUE INDEX delivery_accepted ON delivery (provider, delivery_id) WHERE verdict = 'accepted';

CREATE TABLE delivery_project (
    delivery   BIGINT NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    PRIMARY KEY (delivery, project_id)
);
CREATE INDEX delivery_project_project ON delivery_project (project_id, delivery);
