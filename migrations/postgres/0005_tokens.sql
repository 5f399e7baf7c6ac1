-- What a site asks its visitors for, the tokens of programs, and folders that are deployed. The same file name in ../sqlite holds the same tables.

-- `protection`: what is shown only to whoever knows the password, everything or the previews; NULL: nothing.
-- `protection_user`: NULL: any name will do. `protection_hash`: of the password, as a PHC string.
ALTER TABLE project ADD COLUMN protection TEXT CHECK (protection IN ('everything', 'previews'));
ALTER TABLE project ADD COLUMN protection_user TEXT;
ALTER TABLE project ADD COLUMN protection_hash TEXT;

-- Lets a program act for its owner, on everything or on one project. Only a hash of it is kept; `hint` is how it begins.
CREATE TABLE api_token (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    project_id   BIGINT REFERENCES project (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    hint         TEXT NOT NULL,
    token_hash   BYTEA NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_token_owner ON api_token (user_id);
CREATE INDEX api_token_project ON api_token (project_id) WHERE project_id IS NOT NULL;

-- Folders have no caches to race for, and wait for no build.
DROP INDEX build_running;
CREATE UNIQUE INDEX build_running ON build (project_id, branch) WHERE status = 'running' AND trigger <> 'folder';

-- A deployment's hosts, without a look at everybody's.
CREATE INDEX route_deployment ON route (deployment_id) WHERE deployment_id IS NOT NULL;
