-- begin_call --
-- Note a request before it is sent.
INSERT INTO model_call (user_id, id, run_id, agent, purpose, model, own_key)
VALUES (%(user_id)s, %(id)s, %(run_id)s, %(agent)s, %(purpose)s, %(model)s, %(own_key)s)

-- end_call --
-- What became of a request. A line that has its end keeps it.
UPDATE model_call
SET status = %(status)s, latency_ms = %(latency_ms)s, input_tokens = %(input_tokens)s, output_tokens = %(output_tokens)s,
    cached_tokens = %(cached_tokens)s, cost_usd = %(cost_usd)s
WHERE user_id = %(user_id)s AND id = %(id)s AND status IS NULL
