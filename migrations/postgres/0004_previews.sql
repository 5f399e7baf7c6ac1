-- Previews, hooks of a project's own, and what git hosts are told. The same file name in ../sqlite holds the same tables.

-- `watch`: patterns of paths, as JSON; NULL: the root directory. `poll_every`: seconds; NULL: nobody asks.
-- `hook_secret`: signs deliveries to /api/hooks/<id>, sealed. `webhook_problem`: why GitHub's hook does not announce.
ALTER TABLE project ADD COLUMN previews BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE project ADD COLUMN watch TEXT;
ALTER TABLE project ADD COLUMN poll_every BIGINT;
ALTER TABLE project ADD COLUMN hook_secret TEXT;
ALTER TABLE project ADD COLUMN webhook_problem TEXT;

-- When GitHub said that the stored token is no longer good.
ALTER TABLE "user" ADD COLUMN github_refused_at BIGINT;

-- `reason`: why it is held or was skipped, for people. `fork`: the repository of a stranger that the commit is from;
-- `source_ref` is where the project's own repository shows it. `delivery`: what asked for it.
ALTER TABLE build ADD COLUMN reason TEXT;
ALTER TABLE build ADD COLUMN pull_request BIGINT;
ALTER TABLE build ADD COLUMN fork TEXT;
ALTER TABLE build ADD COLUMN source_ref TEXT;
ALTER TABLE build ADD COLUMN delivery BIGINT REFERENCES delivery (id) ON DELETE SET NULL;
CREATE INDEX build_delivery ON build (delivery);

-- Production's copy of a preview that was chosen.
ALTER TABLE deployment ADD COLUMN promoted_from BIGINT REFERENCES deployment (id) ON DELETE SET NULL;
CREATE INDEX deployment_promoted_from ON deployment (promoted_from) WHERE promoted_from IS NOT NULL;

-- A branch or a fork's pull request (as branch `pull/<number>`) that has a site of its own: its route is in `route`.
CREATE TABLE preview (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id   BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    branch       TEXT NOT NULL,
    pull_request BIGINT,
    title        TEXT,
    fork         TEXT,
    created_at   BIGINT NOT NULL,
    pushed_at    BIGINT NOT NULL,
    removed_at   BIGINT,
    removal      TEXT
);
CREATE UNIQUE INDEX preview_open ON preview (project_id, branch) WHERE removed_at IS NULL;

-- The open pull requests that show a preview; the newest one stands in its row, too.
CREATE TABLE preview_pull_request (
    preview_id BIGINT NOT NULL REFERENCES preview (id) ON DELETE CASCADE,
    number     BIGINT NOT NULL,
    title      TEXT,
    PRIMARY KEY (preview_id, number)
);

-- An address that queues a build for whoever knows it. Only a hash of what makes it unguessable is kept.
CREATE TABLE deploy_hook (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id   BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    branch       TEXT,
    token_hash   BYTEA NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX deploy_hook_project ON deploy_hook (project_id);

-- `hook`: the project whose own hook received it; 0: the installation's. Each knows the deliveries that it has seen.
ALTER TABLE delivery ADD COLUMN replay_of BIGINT REFERENCES delivery (id) ON DELETE SET NULL;
CREATE INDEX delivery_replay ON delivery (replay_of) WHERE replay_of IS NOT NULL;
ALTER TABLE delivery ADD COLUMN hook BIGINT NOT NULL DEFAULT 0;
DROP INDEX delivery_accepted;
CREATE UNIQUE INDEX delivery_accepted ON delivery (hook, provider, delivery_id) WHERE verdict = 'accepted';
CREATE INDEX delivery_refused ON delivery (hook, id) WHERE verdict = 'rejected';
-- `outcome`: what it led to for this project, for people.
ALTER TABLE delivery_project ADD COLUMN outcome TEXT;

-- What a git host is to be told of one thing there: of a build's commit (`status`), of a build's deployment, of the
-- deployment that a preview became when it was promoted (`promotion`), of a pull request (`comment`). `subject`: the
-- build, the build, the deployment, the pull request's number. It is told how that stands when it is sent, so that late
-- news are never old news. `changes` counts what happened; `due_at` NULL: nothing is to be told.
CREATE TABLE report (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('status', 'deployment', 'promotion', 'comment')),
    subject    BIGINT NOT NULL,
    remote_id  BIGINT,
    told       TEXT,
    changes    BIGINT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    problem    TEXT,
    due_at     BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (project_id, kind, subject)
);
CREATE INDEX report_due ON report (due_at) WHERE due_at IS NOT NULL;

-- When a variable was removed: builds that began before it got its value, and so differ from those of today.
CREATE TABLE removed_variable (
    project_id BIGINT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('secret', 'plain')),
    scope      TEXT NOT NULL CHECK (scope IN ('both', 'production', 'preview')),
    removed_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, key, scope, kind)
);

-- From here on each database has its own way.

-- The same key may have one value in production and another in previews.
ALTER TABLE variable ADD COLUMN scope TEXT NOT NULL DEFAULT 'both' CHECK (scope IN ('both', 'production', 'preview'));
ALTER TABLE variable ALTER COLUMN scope DROP DEFAULT;
ALTER TABLE variable DROP CONSTRAINT variable_project_id_key_key;
ALTER TABLE variable ADD CONSTRAINT variable_project_id_key_scope_key UNIQUE (project_id, key, scope);

-- Two more words for a build.
ALTER TABLE build DROP CONSTRAINT build_status_check;
ALTER TABLE build ADD CONSTRAINT build_status_check
    CHECK (status IN ('queued', 'running', 'passed', 'failed', 'canceled', 'superseded', 'held', 'skipped'));
