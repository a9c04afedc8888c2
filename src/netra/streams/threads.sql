-- take_turn --
-- Simultaneous beginnings of one user take turns, so that each counts what those before it have added.
SELECT pg_advisory_xact_lock(hashtextextended('threads/' || %(user_id)s::text, 0))

-- begin --
-- Add a thread if the plan in force has room for it; says how much room there is, and whether it was added.
WITH held AS (
    SELECT v.threads FROM account a CROSS JOIN LATERAL (
        SELECT threads FROM plan_version
        WHERE plan = CASE WHEN a.plan_expires_at <= now() THEN 'free' ELSE a.plan END
        ORDER BY version DESC LIMIT 1
    ) AS v
    WHERE a.id = %(user_id)s
), begun AS (
    INSERT INTO thread (user_id, id, title)
    SELECT %(user_id)s, %(thread_id)s, %(title)s FROM held
    WHERE held.threads IS NULL
       OR held.threads > (SELECT count(*) FROM thread WHERE user_id = %(user_id)s AND kind = 'conversation')
    RETURNING id
)
SELECT held.threads, EXISTS (SELECT FROM begun) FROM held
