-- Invitations, the end of accounts, and where sessions come from. The same file name in ../sqlite holds the same tables.

-- A row stays when its account is removed, so that what happened keeps its names; what identifies the person goes.
ALTER TABLE "user" ADD COLUMN last_seen_at BIGINT;
ALTER TABLE "user" ADD COLUMN deactivated_at BIGINT;
ALTER TABLE "user" ADD COLUMN removed_at BIGINT;
UPDATE "user" SET login_name = LOWER(login_name COLLATE "C");

ALTER TABLE session ADD COLUMN address TEXT;

-- Opens an account of a role, or sets the password of one that is there (password_of). The link itself is not kept.
CREATE TABLE invitation (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash  BYTEA NOT NULL UNIQUE,
    role        TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    password_of BIGINT REFERENCES "user" (id) ON DELETE CASCADE,
    note        TEXT,
    created_by  BIGINT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    used_by     BIGINT REFERENCES "user" (id) ON DELETE SET NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT,
    revoked_at  BIGINT
);
CREATE INDEX invitation_creator ON invitation (created_by);

-- The invitation that somebody brings along to a provider and back.
ALTER TABLE oauth_attempt ADD COLUMN invitation_hash BYTEA;
