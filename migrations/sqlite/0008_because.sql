-- What the sentences of `reason` and `outcome` are made of, as codes with their values (JSON), for clients that say them in
-- another language. NULL: kept before there were codes. The same file name in ../postgres holds the same columns.

ALTER TABLE build ADD COLUMN because TEXT;
ALTER TABLE delivery ADD COLUMN because TEXT;
ALTER TABLE delivery_project ADD COLUMN because TEXT;
