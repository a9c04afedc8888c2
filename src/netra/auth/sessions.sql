-- end_all --
-- End every session of a user that has not ended.
UPDATE session SET revoked_at = now(), revoked_because = %(because)s WHERE user_id = %(user_id)s AND revoked_at IS NULL
