-- used --
-- Bytes that the files of a user take, all but one of them.
SELECT coalesce(sum(bytes), 0) FROM artifact WHERE user_id = %(user_id)s AND id <> %(apart_from)s

-- add --
-- Keep a file; one of the same id is the same file.
INSERT INTO artifact (user_id, id, name, media_type, tool, body, bytes, sha256)
VALUES (%(user_id)s, %(id)s, %(name)s, %(media_type)s, %(tool)s, %(body)b, length(%(body)b), %(sha256)s)
ON CONFLICT DO NOTHING
