-- describe_latency --
-- Mean, percentiles and maximum of the latency, how many rows have one, and the line where the largest stands.
SELECT
    count(*), avg(latency_ms), quantile_cont(latency_ms, $levels::DOUBLE[]), max(latency_ms), arg_min(line, (-latency_ms, line))
FROM usage WHERE latency_ms <= $longest

-- count_beyond --
-- Rows whose latency is beyond belief.
SELECT count(*) FROM usage WHERE latency_ms > $longest

-- describe_pace --
-- The latency for each output token, over the rows that have both.
SELECT count(*), quantile_cont(latency_ms / output_tokens, $levels::DOUBLE[])
FROM usage WHERE latency_ms <= $longest AND output_tokens > 0

-- describe_groups --
-- The same of each group of rows, those with the most rows first; how many groups there are, and how many have a key.
SELECT key, requests, mean, quantiles, slowest, count(*) OVER (), count(key) OVER ()
FROM (
    SELECT
        CASE $by
            WHEN 'model' THEN model
            WHEN 'feature' THEN feature
            WHEN 'user' THEN "user"
            WHEN 'hour' THEN hour("at")::VARCHAR
            ELSE len(list_filter($edges::BIGINT[], lambda edge: input_tokens > edge))::VARCHAR
        END AS key,
        count(*) AS requests, avg(latency_ms) AS mean, quantile_cont(latency_ms, $levels::DOUBLE[]) AS quantiles,
        max(latency_ms) AS slowest
    FROM usage WHERE latency_ms <= $longest
    GROUP BY key
)
ORDER BY requests DESC, key NULLS LAST LIMIT $limit

-- list_slowest --
-- The rows with the largest latency, the earlier line first where equal.
SELECT line, latency_ms, input_tokens, output_tokens, model, "at"
FROM usage WHERE latency_ms <= $longest
ORDER BY latency_ms DESC, line LIMIT $limit
