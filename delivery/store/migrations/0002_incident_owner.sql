-- The account that pushed the breakage; owner_name and owner_email are its name and address.
ALTER TABLE incident ADD COLUMN owner_login TEXT;
