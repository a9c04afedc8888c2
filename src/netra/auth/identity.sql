-- by_session --
-- Whose live session this is, and what they may do now. No row: the session has ended, or never was this user's.
SELECT a.id AS user_id, s.id AS session_id, NULL::uuid AS api_key_id, a.email, a.name, a.role, a.feature_flags,
       CASE WHEN a.plan_expires_at <= now() THEN 'free' ELSE a.plan END AS plan
FROM session s JOIN account a ON a.id = s.user_id
WHERE s.user_id = %(user_id)s AND s.id = %(session_id)s
  AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL

-- by_api_key --
-- Whose live key this is, and what they may do now; `stale` when its last use is to be noted again.
SELECT a.id AS user_id, NULL::uuid AS session_id, k.id AS api_key_id, a.email, a.name, a.role, a.feature_flags,
       CASE WHEN a.plan_expires_at <= now() THEN 'free' ELSE a.plan END AS plan,
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS stale
FROM api_key k JOIN account a ON a.id = k.user_id
WHERE k.hash = %(hash)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND a.disabled_at IS NULL

-- note_use --
-- Note that a key was used, once a minute; of simultaneous uses one writes, and none waits for another.
UPDATE api_key SET last_used_at = now()
WHERE (user_id, id) IN (
    SELECT user_id, id FROM api_key
    WHERE user_id = %(user_id)s AND id = %(api_key_id)s
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    FOR NO KEY UPDATE SKIP LOCKED
)

-- by_ticket --
-- Use a ticket up, and say whose live session bought it. The deletion is what makes a second use impossible.
WITH used AS (
    DELETE FROM ticket WHERE hash = %(hash)s RETURNING user_id, session_id, expires_at
)
SELECT a.id AS user_id, s.id AS session_id, NULL::uuid AS api_key_id, a.email, a.name, a.role, a.feature_flags,
       CASE WHEN a.plan_expires_at <= now() THEN 'free' ELSE a.plan END AS plan
FROM used u
JOIN session s ON s.user_id = u.user_id AND s.id = u.session_id
JOIN account a ON a.id = s.user_id
WHERE u.expires_at > now() AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL

-- recheck --
-- Which of these proofs still hold, and what their users may do now. One query for every open socket of a process.
SELECT p.nth, a.role, a.feature_flags, CASE WHEN a.plan_expires_at <= now() THEN 'free' ELSE a.plan END AS plan
FROM unnest(%(user_ids)s::uuid[], %(session_ids)s::uuid[], %(api_key_ids)s::uuid[])
     WITH ORDINALITY AS p (user_id, session_id, api_key_id, nth)
JOIN account a ON a.id = p.user_id AND a.disabled_at IS NULL
LEFT JOIN session s ON s.user_id = p.user_id AND s.id = p.session_id AND s.revoked_at IS NULL AND s.expires_at > now()
LEFT JOIN api_key k ON k.user_id = p.user_id AND k.id = p.api_key_id AND k.revoked_at IS NULL
     AND (k.expires_at IS NULL OR k.expires_at > now())
WHERE s.id IS NOT NULL OR k.id IS NOT NULL
