-- lock_runs --
-- Take turns with the user's own transactions, as those that name `ledger.TURN` do. For the system role, which has no user.
SELECT pg_advisory_xact_lock(hashtextextended(%(turn)s || '/' || %(user_id)s::text, 0))

-- read_line --
-- What an acceptance has to know: whether the thread exists, how many live runs there are, and what an idempotency key got.
SELECT EXISTS (SELECT FROM thread WHERE user_id = %(user_id)s AND id = %(thread_id)s AND kind = 'conversation') AS known,
       live.mine, live.here, earlier.id, earlier.thread_id, earlier.agent, earlier.state, earlier.accepted_seq,
       earlier.request_digest
FROM (
    SELECT count(*) AS mine, count(*) FILTER (WHERE thread_id = %(thread_id)s) AS here
    FROM run WHERE user_id = %(user_id)s AND state IN ('queued', 'running', 'waiting')
) AS live
LEFT JOIN run AS earlier ON earlier.user_id = %(user_id)s AND earlier.idempotency_key = %(key)s

-- live_runs --
-- The live runs of one thread, the newest first, so that ending one never hands its turn to another that is to end as well.
SELECT id FROM run
WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s AND state IN ('queued', 'running', 'waiting')
ORDER BY accepted_seq DESC

-- add_run --
-- A run as it is accepted, under the plan that its user has at this moment.
INSERT INTO run (user_id, id, thread_id, agent, state, input, plan, plan_version, idempotency_key, request_digest, turn,
                 accepted_seq)
SELECT account.id, %(run_id)s, %(thread_id)s, %(agent)s, %(state)s, %(input)s::jsonb, held.plan, held.version, %(key)s,
       %(digest)s, %(turn)s, %(seq)s
FROM account CROSS JOIN LATERAL (
    SELECT plan, version FROM plan_version
    WHERE plan = CASE WHEN account.plan_expires_at <= now() THEN 'free' ELSE account.plan END
    ORDER BY version DESC LIMIT 1
) AS held
WHERE account.id = %(user_id)s

-- dispatch --
-- Give the user's free lanes to the oldest runs whose turn it is, and put a job for each into the queue. The higher the lane,
-- the lower the priority: everybody's first run comes before anybody's second.
WITH free AS (
    SELECT slot.lane, row_number() OVER (ORDER BY slot.lane) AS place
    FROM generate_series(0, %(lanes)s::int - 1) AS slot (lane)
    WHERE NOT EXISTS (SELECT FROM run WHERE run.user_id = %(user_id)s AND run.lane = slot.lane)
), ready AS (
    SELECT id, row_number() OVER (ORDER BY created_at, id) AS place
    FROM run WHERE user_id = %(user_id)s AND turn AND lane IS NULL AND state = 'queued'
    ORDER BY created_at, id LIMIT %(lanes)s
), given AS (
    UPDATE run SET lane = free.lane, dispatches = dispatches + 1
    FROM ready JOIN free USING (place)
    WHERE run.user_id = %(user_id)s AND run.id = ready.id
    RETURNING run.id, run.lane, run.dispatches
)
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
    %(queue)s, %(task)s, -lane, NULL, NULL,
    jsonb_build_object('user_id', %(user_id)s::text, 'run_id', id, 'dispatch', dispatches), NULL
)::procrastinate_job_to_defer_v1)) FROM given HAVING count(*) > 0

-- read_run --
-- One run, as its user may see it.
SELECT thread_id, agent, state, input, plan, plan_version, attempt, cancel_by, waits_for, answers, result, error, usage, accepted_seq,
       created_at, started_at, finished_at, turn, lane, dispatches, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age,
       (SELECT name FROM account WHERE id = %(user_id)s) AS user_name
FROM run WHERE user_id = %(user_id)s AND id = %(run_id)s

-- claim_run --
-- A run as its new holder has it, under the fence that was taken.
UPDATE run SET state = %(state)s, attempt = attempt + 1, fence = %(fence)s, started_at = coalesce(started_at, now())
WHERE user_id = %(user_id)s AND id = %(run_id)s

-- release_run --
-- Let go of a run that will be claimed again; this claim does not count as an attempt.
UPDATE run SET state = %(state)s, attempt = attempt - 1, waits_for = %(waits_for)s,
       lane = CASE WHEN %(keeps_lane)s THEN lane END
WHERE user_id = %(user_id)s AND id = %(run_id)s

-- answer_run --
-- Keep the answer for the journal, and let the run go on.
UPDATE run SET state = %(state)s, waits_for = NULL,
       answers = answers || jsonb_build_object(%(request_id)s::text, %(value)s::jsonb)
WHERE user_id = %(user_id)s AND id = %(run_id)s

-- want_cancel --
-- Leave word for the worker; the first who asked is the one who is named.
UPDATE run SET cancel_by = coalesce(cancel_by, %(by)s) WHERE user_id = %(user_id)s AND id = %(run_id)s

-- end_run --
-- The final state, beside the terminal event. The next run of the thread gets its turn.
WITH ended AS (
    UPDATE run SET state = %(state)s, result = %(result)s::jsonb, error = %(error)s::jsonb, usage = %(usage)s::jsonb,
           waits_for = NULL, lane = NULL, turn = false, finished_at = now()
    FROM (SELECT turn FROM run WHERE user_id = %(user_id)s AND id = %(run_id)s) AS before
    WHERE user_id = %(user_id)s AND id = %(run_id)s
    RETURNING before.turn
), following AS (
    SELECT id FROM run
    WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s AND id <> %(run_id)s
      AND state IN ('queued', 'running', 'waiting')
    ORDER BY accepted_seq LIMIT 1
)
UPDATE run SET turn = true FROM ended, following
WHERE ended.turn AND run.user_id = %(user_id)s AND run.id = following.id

-- read_open --
-- The calls of a run, begun and completed, to find those that were begun only.
SELECT type, agent, body FROM event
WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s AND run_id = %(run_id)s
  AND type IN ('tool_executing', 'tool_completed')
ORDER BY seq

-- delete_thread --
-- A conversation and, by cascade, its runs.
DELETE FROM thread WHERE user_id = %(user_id)s AND id = %(thread_id)s AND kind = 'conversation' RETURNING id

-- delete_events --
-- The whole log of a thread.
DELETE FROM event WHERE user_id = %(user_id)s AND thread_id = %(thread_id)s

-- join --
-- Register a worker.
SELECT worker_id FROM procrastinate_register_worker_v1()

-- leave --
-- Remove a worker.
SELECT procrastinate_unregister_worker_v1(%(worker_id)s)

-- beat --
-- A sign of life. No row: this worker was silent for so long that it was forgotten.
UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker_id)s RETURNING id

-- read_claims --
-- Where the runs that a worker executes stand in truth: who asked for the end of one, and which fence holds it now.
SELECT run.id, run.fence, run.state, run.cancel_by
FROM run JOIN unnest(%(user_ids)s::uuid[], %(run_ids)s::uuid[]) AS mine (user_id, id) USING (user_id, id)

-- try_sweep --
-- One process at a time looks after what others have lost.
SELECT pg_try_advisory_xact_lock(hashtextextended('netra sweep', 0))

-- defer_lost --
-- Put back the job of every run that holds a lane and has none: the queue lost it, or never got it.
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
    %(queue)s, %(task)s, -lane, NULL, NULL,
    jsonb_build_object('user_id', user_id, 'run_id', id, 'dispatch', dispatches), NULL
)::procrastinate_job_to_defer_v1))
FROM run WHERE lane IS NOT NULL AND NOT EXISTS (
    SELECT FROM procrastinate_jobs AS job
    WHERE job.args ->> 'run_id' = run.id::text AND (job.args ->> 'dispatch')::int = run.dispatches
      AND job.status IN ('todo', 'doing')
)
HAVING count(*) > 0

-- read_held_up --
-- Users with a free lane and a run that could take it: a thread was deleted, or the number of lanes was raised.
SELECT DISTINCT user_id FROM run
WHERE turn AND lane IS NULL AND state = 'queued'
  AND (SELECT count(*) FROM run AS taken WHERE taken.user_id = run.user_id AND taken.lane < %(lanes)s) < %(lanes)s

-- fetch_jobs --
-- Take the next jobs, at most so many.
SELECT (job).id, (job).args FROM (
    SELECT procrastinate_fetch_job_v2(ARRAY[%(queue)s], %(worker_id)s) AS job FROM generate_series(1, %(count)s) OFFSET 0
) AS fetched WHERE (job).id IS NOT NULL

-- finish_jobs --
-- Remove those jobs that this worker still holds.
DELETE FROM procrastinate_jobs WHERE id = ANY(%(job_ids)s) AND worker_id = %(worker_id)s AND status = 'doing'

-- put_back_job --
-- Let go of a job, if this worker still holds it. Locked first: who was told that a connection broke asks again, while the
-- first time may still be on its way, and procrastinate raises for a job that is put back already.
SELECT procrastinate_retry_job_v2(id, now() + make_interval(secs => %(delay)s), NULL, NULL, NULL), pg_notify(
    'procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text
)
FROM (
    SELECT id, queue_name FROM procrastinate_jobs
    WHERE id = %(job_id)s AND worker_id = %(worker_id)s AND status = 'doing' FOR UPDATE
) AS held

-- put_back_unknown --
-- Let go of what this worker holds and does not know of: the answer to a fetch was lost on its way.
SELECT procrastinate_retry_job_v2(id, NULL, NULL, NULL, NULL), pg_notify(
    'procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text
)
FROM (
    SELECT id, queue_name FROM procrastinate_jobs
    WHERE worker_id = %(worker_id)s AND status = 'doing' AND queue_name = %(queue)s AND id <> ALL(%(known)s::bigint[])
    FOR UPDATE
) AS held

-- take_back_jobs --
-- Put back what silent workers hold, and tell the others.
SELECT procrastinate_retry_job_v2(id, NULL, NULL, NULL, NULL), pg_notify(
    'procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text
)
FROM (
    SELECT job.id, job.queue_name FROM procrastinate_jobs AS job
    WHERE job.status = 'doing' AND job.queue_name = %(queue)s AND NOT EXISTS (
        SELECT FROM procrastinate_workers AS worker
        WHERE worker.id = job.worker_id AND worker.last_heartbeat >= now() - make_interval(secs => %(lease)s)
    )
    FOR UPDATE SKIP LOCKED
) AS held

-- forget_workers --
-- Remove the rows of workers that died long ago.
DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => %(silence)s)

-- settle_model_calls --
-- A run ends: its requests that have no end are those of processes that died. What it took of language models is the tokens that
-- are known, and the cost, which is null when that of one request is.
WITH abandoned AS (
    UPDATE model_call SET status = 'cancelled'
    WHERE user_id = %(user_id)s AND run_id = %(run_id)s AND status IS NULL
)
SELECT coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),
       CASE WHEN coalesce(bool_and(cost_usd IS NOT NULL), true) THEN coalesce(sum(cost_usd), 0) END
FROM model_call WHERE user_id = %(user_id)s AND run_id = %(run_id)s
