-- append_batch --
-- Append a batch over many threads, whole or not at all: move the heads whose fence still holds, then add the events behind
-- them. A thread that is missing from the answer was fenced (or deleted) and got nothing. Rows are locked in a fixed order,
-- so that two writers cannot wait for each other.
-- A claim's appends are a chain: each names the one before it (nil: it is the claim's first), and the thread remembers the
-- last. Sent again, an append tells what it did the first time; arriving late, when the chain has gone on, it does nothing.
WITH wanted AS (
    SELECT * FROM unnest(
        %(user_ids)b::uuid[], %(thread_ids)b::uuid[], %(run_ids)b::uuid[], %(fences)b::bigint[], %(counts)b::int[],
        %(append_ids)b::uuid[], %(previous_ids)b::uuid[]
    ) WITH ORDINALITY AS w (user_id, thread_id, run_id, fence, n, append_id, previous_id, place)
), locked AS (
    SELECT t.user_id, t.id, t.epoch, t.append_base, w.run_id, w.fence, w.n, w.append_id, w.place,
           t.append_id IS NOT DISTINCT FROM w.append_id AS done
    FROM thread t JOIN wanted w ON t.user_id = w.user_id AND t.id = w.thread_id
    WHERE t.append_id = w.append_id
       OR t.fence = w.fence AND (
              t.append_id = w.previous_id
              OR w.previous_id = '00000000-0000-0000-0000-000000000000' AND t.append_fence IS DISTINCT FROM w.fence
          )
    ORDER BY t.user_id, t.id
    FOR UPDATE OF t
), moved AS (
    UPDATE thread t
    SET head = t.head + l.n, append_id = l.append_id, append_fence = l.fence, append_base = t.head, updated_at = now()
    FROM locked l
    WHERE t.user_id = l.user_id AND t.id = l.id AND NOT l.done
    RETURNING t.user_id, t.id, t.epoch, t.append_base AS base, l.run_id, l.place
), added AS (
    INSERT INTO event (user_id, thread_id, seq, run_id, type, at, agent, body)
    SELECT m.user_id, m.id, m.base + e.nth, m.run_id, e.type, e.at, e.agent, e.body
    FROM unnest(
        %(places)b::bigint[], %(nths)b::int[], %(types)b::text[], %(ats)b::timestamptz[], %(agents)b::text[], %(bodies)b::bytea[]
    ) AS e (place, nth, type, at, agent, body)
    JOIN moved m USING (place)
)
SELECT place, base, epoch FROM moved
UNION ALL
SELECT place, append_base, epoch FROM locked WHERE done

-- append --
-- Append to one thread inside a user's own transaction, and move its fence. No row: no such thread, or somebody newer holds
-- the fence.
WITH moved AS (
    UPDATE thread SET head = head + %(n)s, fence = fence + %(step)s, updated_at = now()
    WHERE user_id = %(user_id)s AND id = %(thread_id)s AND (%(fence)s::bigint IS NULL OR fence = %(fence)s)
    RETURNING head - %(n)s AS base, epoch, fence
), added AS (
    INSERT INTO event (user_id, thread_id, seq, run_id, type, at, agent, body)
    SELECT %(user_id)s, %(thread_id)s, moved.base + e.nth, e.run_id, e.type, e.at, e.agent, e.body
    FROM moved, unnest(
        %(run_ids)s::uuid[], %(types)s::text[], %(ats)s::timestamptz[], %(agents)s::text[], %(bodies)s::bytea[]
    ) WITH ORDINALITY AS e (run_id, type, at, agent, body, nth)
)
SELECT base, epoch, fence FROM moved

-- append_to_accounts --
-- Append one event to the account log of each of many users. A user without one is missing from the answer.
WITH told AS (
    SELECT * FROM unnest(%(user_ids)s::uuid[], %(types)s::text[], %(ats)s::timestamptz[], %(bodies)s::bytea[])
        AS t (user_id, type, at, body)
), moved AS (
    UPDATE thread SET head = head + 1, updated_at = now() FROM told
    WHERE thread.user_id = told.user_id AND thread.id = told.user_id
    RETURNING thread.user_id, thread.epoch, thread.head
), added AS (
    INSERT INTO event (user_id, thread_id, seq, type, at, body)
    SELECT m.user_id, m.user_id, m.head, t.type, t.at, t.body FROM moved m JOIN told t USING (user_id)
)
SELECT user_id, epoch, head FROM moved

-- read_position --
-- Where one thread's log stands.
SELECT epoch, tail, head FROM thread WHERE user_id = %(user_id)s AND id = %(thread_id)s

-- read_page --
-- Where a thread stands, and the events after a position, oldest first: at most so many, and no more of them once so many
-- bytes are read. One statement, because two would see the log at two moments, and a cut between them would be a gap that
-- nobody is told of. A thread without such events is one row of nulls.
SELECT t.epoch, t.tail, t.head, e.seq, e.run_id, e.type, e.at, e.agent, e.body
FROM thread t LEFT JOIN LATERAL (
    SELECT *, sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS before
    FROM (
        SELECT seq, run_id, type, at, agent, body FROM event
        WHERE user_id = t.user_id AND thread_id = t.id AND seq > %(after)s
        ORDER BY seq LIMIT %(limit)s
    ) AS page
) AS e ON e.before < %(bytes)s
WHERE t.user_id = %(user_id)s AND t.id = %(thread_id)s
ORDER BY e.seq

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
-- The next thread with an event past its time, and how far it can be cut: to before the first event that is still in its
-- time (clocks differ and jump, so a younger event may lie before an older one), and never into the journal of a live run.
SELECT e.user_id, e.thread_id, least(
    coalesce(
        (SELECT min(o.seq) - 1 FROM event o WHERE o.user_id = e.user_id AND o.thread_id = e.thread_id AND o.at >= %(before)s),
        t.head
    ),
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
