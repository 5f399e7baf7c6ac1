-- What opens a private repository: an access token, sealed for its project and host, and the user that goes with it.

ALTER TABLE project ADD COLUMN repo_token TEXT;
ALTER TABLE project ADD COLUMN repo_user TEXT CHECK (repo_user IS NULL OR repo_token IS NOT NULL);
