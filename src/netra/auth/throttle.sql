-- locked_for --
-- Seconds until the last of these keys may be tried again; null when all of them may be tried now.
SELECT ceil(extract(epoch FROM max(t.window_ends_at) - now()))
FROM throttle t JOIN unnest(%(keys)s::text[], %(attempts)s::int[]) AS k (key, attempts) ON k.key = t.key
WHERE t.failures >= k.attempts AND t.window_ends_at > now()

-- count --
-- Count one failure, in a new window if the old one has passed; the last that a window has room for begins the lockout.
-- No row: there was no room. The row's lock puts simultaneous failures of all processes into one line.
INSERT INTO throttle AS t (key, failures, window_ends_at)
VALUES (
    %(key)s, 1,
    now() + make_interval(secs => CASE WHEN %(attempts)s <= 1 THEN %(lockout)s ELSE %(window)s END)
)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN t.window_ends_at <= now() THEN 1 ELSE t.failures + 1 END,
    window_ends_at = CASE
        WHEN t.window_ends_at <= now() THEN excluded.window_ends_at
        WHEN t.failures + 1 >= %(attempts)s THEN now() + make_interval(secs => %(lockout)s)
        ELSE t.window_ends_at
    END
WHERE t.window_ends_at <= now() OR t.failures < %(attempts)s
RETURNING t.failures

-- forget --
-- Clear one key's failures after a success.
DELETE FROM throttle WHERE key = %(key)s

-- sweep --
-- Remove what no longer counts. What is being counted at this moment is left alone: waiting for it could be a deadlock.
DELETE FROM throttle WHERE key IN (SELECT key FROM throttle WHERE window_ends_at <= now() FOR UPDATE SKIP LOCKED)
