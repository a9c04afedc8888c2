-- page_calls --
-- Requests to models, the newest first, before a place if there is one.
SELECT id, user_id, run_id, agent, purpose, model, own_key, at, status, latency_ms, input_tokens, output_tokens, cached_tokens,
       cost_usd
FROM model_call
WHERE (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s) AND at >= %(since)s AND at < %(until)s
  AND (%(before)s::timestamptz IS NULL OR (at, id) < (%(before)s, %(before_id)s))
ORDER BY at DESC, id DESC LIMIT %(limit)s

-- sum_calls --
-- What requests to models took, by model and by whose key paid. A sum of nothing is null, and so is that of a price nobody knows.
SELECT model, own_key, count(*) AS calls, count(*) FILTER (WHERE status = 'ok') AS answered, sum(input_tokens) AS input_tokens,
       sum(output_tokens) AS output_tokens, sum(cached_tokens) AS cached_tokens, sum(cost_usd) AS cost_usd,
       count(*) FILTER (WHERE cost_usd IS NULL) AS unpriced, count(DISTINCT user_id) AS users, count(DISTINCT run_id) AS runs
FROM model_call
WHERE (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s) AND at >= %(since)s AND at < %(until)s
GROUP BY model, own_key ORDER BY sum(cost_usd) DESC NULLS LAST, model, own_key

-- export_calls --
-- A piece of the requests whose tokens are known, in the order in which they were made, as rows of a usage log.
SELECT at, id, user_id, run_id, agent, model, status, latency_ms, input_tokens, output_tokens, cached_tokens, cost_usd
FROM model_call
WHERE (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s) AND at >= %(since)s AND at < %(until)s
  AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL AND (at, id) > (%(after)s, %(after_id)s)
ORDER BY at, id LIMIT %(limit)s
