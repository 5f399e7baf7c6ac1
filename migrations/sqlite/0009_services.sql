-- Services that run, their volumes, and commands that run once. The same file name in ../postgres holds the same tables.

-- `services`: what a deployment is made of (JSON); NULL: files at `/` alone, as every deployment was before.
-- `release_command_at`: when its release commands had succeeded; they are not run again.
ALTER TABLE deployment ADD COLUMN services TEXT;
ALTER TABLE deployment ADD COLUMN release_command_at BIGINT;

-- What people say of running services, over all deployments. `replicas` NULL: as many as the deployment says.
-- `generation`: one more is a restart.
CREATE TABLE service_setting (
    project_id  BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    environment TEXT NOT NULL CHECK (environment IN ('production', 'preview')),
    service     TEXT NOT NULL,
    replicas    BIGINT CHECK (replicas BETWEEN 0 AND 20),
    generation  BIGINT NOT NULL DEFAULT 0,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (project_id, environment, service)
);

-- A project's named volumes; its previews have theirs together. `removed_at`: it goes, and its row stays until it is gone.
-- Without ON DELETE CASCADE: no project is forgotten before its volumes.
CREATE TABLE volume (
    project_id  BIGINT NOT NULL REFERENCES project (id),
    environment TEXT NOT NULL CHECK (environment IN ('production', 'preview')),
    name        TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    removed_at  BIGINT,
    PRIMARY KEY (project_id, environment, name)
);
CREATE INDEX volume_removed ON volume (project_id) WHERE removed_at IS NOT NULL;

-- A command that somebody runs once in a service's image. `command`: its words (JSON). `problem`: why it did not run, or
-- did not end by itself. `stop_asked_at`: somebody wants it to stop.
CREATE TABLE run (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id    BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    deployment_id BIGINT NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    service       TEXT NOT NULL,
    command       TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('queued', 'running', 'ended', 'failed', 'stopped')),
    exit_code     BIGINT,
    problem       TEXT,
    requested_by  BIGINT REFERENCES "user" (id) ON DELETE SET NULL,
    created_at    BIGINT NOT NULL,
    started_at    BIGINT,
    finished_at   BIGINT,
    stop_asked_at BIGINT
);
CREATE INDEX run_project ON run (project_id, id);
CREATE INDEX run_deployment ON run (deployment_id);
CREATE INDEX run_open ON run (id) WHERE status IN ('queued', 'running');
