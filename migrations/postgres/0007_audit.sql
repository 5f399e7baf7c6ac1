-- Who changed what, by which means and from where. The same file name in ../sqlite holds the same tables.

-- It refers to users, whose rows stay, and to nothing that can be deleted: of a project the name that it had is kept.
-- `means_id`: the session, token or deploy hook; it may be gone. `detail`: names of settings and keys, never a value.
CREATE TABLE audit (
    id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at      BIGINT NOT NULL,
    action          TEXT NOT NULL,
    user_id         BIGINT REFERENCES "user" (id),
    means           TEXT NOT NULL,
    means_id        BIGINT,
    means_name      TEXT,
    address         TEXT,
    project_id      BIGINT,
    project_name    TEXT,
    subject_user_id BIGINT REFERENCES "user" (id),
    subject         TEXT,
    detail          TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX audit_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_project ON audit (project_id, id) WHERE project_id IS NOT NULL;
CREATE INDEX audit_time ON audit (created_at, id);
