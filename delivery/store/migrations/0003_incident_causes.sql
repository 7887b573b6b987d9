-- Who broke what while the light was red, each with its times, as a JSON array, the first one first.
ALTER TABLE incident ADD COLUMN causes TEXT NOT NULL DEFAULT '[]';
