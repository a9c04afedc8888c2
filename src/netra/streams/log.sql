-- append_batch --
-- Append a batch over many threads, whole or not at all: move the heads whose fence still holds, then add the events behind
-- them. A thread that is missing from the answer was fenced (or deleted) and got nothing. Rows are locked in a fixed order,
-- so that two writers cannot wait for each other.
WITH wanted AS (
    SELECT * FROM unnest(
        %(user_ids)b::uuid[], %(thread_ids)b::uuid[], %(run_ids)b::uuid[], %(fences)b::bigint[], %(counts)b::int[]
    ) WITH ORDINALITY AS w (user_id, thread_id, run_id, fence, n, place)
), locked AS (
    SELECT t.user_id, t.id, w.run_id, w.n, w.place
    FROM thread t JOIN wanted w ON t.user_id = w.user_id AND t.id = w.thread_id
    WHERE t.fence = w.fence
    ORDER BY t.user_id, t.id
    FOR UPDATE OF t
), moved AS (
    UPDATE thread t SET head = t.head + l.n, updated_at = now()
    FROM locked l
    WHERE t.user_id = l.user_id AND t.id = l.id
    RETURNING t.user_id, t.id, t.epoch, t.head - l.n AS base, l.run_id, l.place
), added AS (
    INSERT INTO event (user_id, thread_id, seq, run_id, type, at, agent, body)
    SELECT m.user_id, m.id, m.base + e.nth, m.run_id, e.type, e.at, e.agent, e.body
    FROM unnest(
        %(places)b::bigint[], %(nths)b::int[], %(types)b::text[], %(ats)b::timestamptz[], %(agents)b::text[], %(bodies)b::bytea[]
    ) AS e (place, nth, type, at, agent, body)
    JOIN moved m USING (place)
)
SELECT place, base, epoch FROM moved

-- advance_thread --
-- Take the next n positions of one thread's log inside a user's own transaction. No row: no such thread, or somebody newer
-- holds the fence.
UPDATE thread SET head = head + %(n)s, updated_at = now()
WHERE user_id = %(user_id)s AND id = %(thread_id)s AND (%(fence)s::bigint IS NULL OR fence = %(fence)s)
RETURNING head - %(n)s, epoch

-- add_events --
-- Put events at the positions that advance_thread gave.
INSERT INTO event (user_id, thread_id, seq, run_id, type, at, agent, body)
SELECT %(user_id)s, %(thread_id)s, e.*
FROM unnest(
    %(seqs)s::bigint[], %(run_ids)s::uuid[], %(types)s::text[], %(ats)s::timestamptz[], %(agents)s::text[], %(bodies)s::bytea[]
) AS e

-- read_position --
-- Where one thread's log stands.
SELECT epoch, tail, head FROM thread WHERE user_id = %(user_id)s AND id = %(thread_id)s

-- read_page --
-- The events after a position, oldest first: at most so many, and no more of them once so many bytes are read.
SELECT seq, run_id, type, at, agent, body
FROM (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS before
    FROM (
        SELECT seq, run_id, type, at, agent, body FROM event
        WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s AND seq > %(after)s
        ORDER BY seq LIMIT %(limit)s
    ) AS page
) AS measured
WHERE before < %(bytes)s
ORDER BY seq

-- read_run --
-- The events of one run, oldest first: its journal.
SELECT seq, run_id, type, at, agent, body FROM event
WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s AND run_id = %(run_id)s AND seq > %(after)s
ORDER BY seq LIMIT %(limit)s

-- read_positions --
-- Where many threads stand at once, for the poll that stands in for lost hints.
SELECT t.user_id, t.id, t.epoch, t.tail, t.head
FROM thread t JOIN unnest(%(user_ids)s::uuid[], %(thread_ids)s::uuid[]) AS w (user_id, id) USING (user_id, id)

-- next_trim --
-- One thread whose oldest events are past their time, and how far it can be cut: never into the journal of a live run.
SELECT e.user_id, e.thread_id, least(
    (SELECT max(o.seq) FROM event o WHERE o.user_id = e.user_id AND o.thread_id = e.thread_id AND o.at < %(before)s),
    (SELECT min(r.accepted_seq) - 1 FROM run r WHERE r.user_id = e.user_id AND r.thread_id = e.thread_id
     AND r.state IN ('queued', 'running', 'waiting'))
) AS cut
FROM event e JOIN thread t ON t.user_id = e.user_id AND t.id = e.thread_id
WHERE e.at < %(before)s AND (e.user_id, e.thread_id) > (%(user_id)s, %(thread_id)s)
ORDER BY e.user_id, e.thread_id LIMIT 1

-- cut_thread --
-- Move the tail and begin a new epoch, so that older cursors are told.
UPDATE thread SET tail = %(cut)s, epoch = epoch + 1
WHERE user_id = %(user_id)s AND id = %(thread_id)s AND tail < %(cut)s AND head >= %(cut)s
RETURNING epoch, head

-- delete_events --
-- Remove what lies before the tail.
DELETE FROM event WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s AND seq <= %(cut)s
