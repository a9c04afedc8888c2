-- read_entitlement --
-- What a user may use: their role and flags of this moment, and the plan named, or else the one they have now.
SELECT a.role, a.feature_flags, a.plan_expires_at, p.hidden, v.*
FROM account a
CROSS JOIN LATERAL (
    SELECT * FROM plan_version
    WHERE plan = coalesce(%(plan)s::text, CASE WHEN a.plan_expires_at <= now() THEN 'free' ELSE a.plan END)
      AND (%(version)s::int IS NULL OR version = %(version)s::int)
    ORDER BY version DESC LIMIT 1
) AS v
JOIN plan p ON p.name = v.plan
WHERE a.id = %(user_id)s AND a.disabled_at IS NULL

-- add_call --
-- Note a call that begins. No row: it has begun before.
INSERT INTO tool_call (user_id, id, tool, via, run_id)
VALUES (%(user_id)s, %(call_id)s, %(tool)s, %(via)s, %(run_id)s) ON CONFLICT DO NOTHING

-- count --
-- Count one use against each counter that has room for it, and name those. The row's lock puts simultaneous uses into one line.
INSERT INTO tool_usage AS u (user_id, counter, starts_at, used, allowed)
SELECT %(user_id)s, w.counter, date_trunc(w.span, now(), 'UTC'), 1, w.allowed
FROM unnest(%(counters)s::text[], %(windows)s::text[], %(allowed)s::int[]) AS w (counter, span, allowed)
WHERE w.allowed IS NULL OR w.allowed > 0
ORDER BY w.counter
ON CONFLICT (user_id, counter, starts_at) DO UPDATE SET used = u.used + 1, allowed = excluded.allowed
WHERE excluded.allowed IS NULL OR u.used < excluded.allowed
RETURNING u.counter

-- end_call --
-- How a call ended.
UPDATE tool_call SET status = %(status)s, ended_at = clock_timestamp() WHERE user_id = %(user_id)s AND id = %(call_id)s

-- read_usage --
-- What a user has used in the present hour and the present day, and when these end. At least one row.
SELECT u.counter, u.used, time.at, time.hour + interval '1 hour' AS hour_ends, time.day + interval '1 day' AS day_ends
FROM (SELECT now() AS at, date_trunc('hour', now(), 'UTC') AS hour, date_trunc('day', now(), 'UTC') AS day) AS time
LEFT JOIN tool_usage u ON u.user_id = %(user_id)s
    AND u.starts_at = CASE WHEN u.counter LIKE '%%/hour' THEN time.hour ELSE time.day END

-- sweep_usage --
-- Remove counters of windows that have long passed.
DELETE FROM tool_usage WHERE starts_at < now() - make_interval(days => %(days)s)

-- sweep_calls --
-- Remove what is known of old calls.
DELETE FROM tool_call WHERE at < now() - make_interval(days => %(days)s)
