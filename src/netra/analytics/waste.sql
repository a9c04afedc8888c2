-- sum_outcomes --
-- How many rows say how their request ended, and what those cost that failed: rows, requests, tokens, rows with a list price,
-- dollars.
SELECT
    count(status), sum(requests) FILTER (status IS NOT NULL), count(*) FILTER (failed),
    coalesce(sum(requests) FILTER (failed), 0), coalesce(sum(input_tokens + output_tokens) FILTER (failed), 0),
    count(cost) FILTER (failed), coalesce(fsum(cost) FILTER (failed), 0), coalesce(fsum(cost), 0),
    (list(line ORDER BY cost DESC NULLS LAST, line) FILTER (failed))[1:$named]
FROM (SELECT *, lower(status) <> 'ok' AS failed FROM priced_usage)

-- group_failures --
-- Failures by what went wrong, by model and by feature, those with the most requests first, and how many groups there are.
SELECT kind, key, rows, requests, tokens, cost, count(*) OVER (PARTITION BY kind)
FROM (
    SELECT
        CASE
            WHEN grouping(status) = 0 THEN 'status' WHEN grouping(model) = 0 THEN 'model' ELSE 'feature'
        END AS kind,
        coalesce(status, model, feature) AS key, count(*) AS rows, sum(requests) AS requests,
        sum(input_tokens + output_tokens) AS tokens, coalesce(fsum(cost), 0) AS cost
    FROM priced_usage WHERE lower(status) <> 'ok'
    GROUP BY GROUPING SETS ((status), (model), (feature))
)
QUALIFY row_number() OVER (PARTITION BY kind ORDER BY requests DESC, key NULLS LAST) <= $limit
ORDER BY kind, requests DESC, key NULLS LAST

-- sum_retries --
-- Requests that came from the same user and session to the same model at most $within microseconds after one that failed: rows,
-- what they cost, and how many of them failed again.
SELECT count(*), coalesce(fsum(cost), 0), count(*) FILTER (failed), (list(line ORDER BY cost DESC NULLS LAST, line))[1:$named]
FROM (
    SELECT
        *, lag(failed) OVER same AS failed_before, epoch_us("at") - epoch_us(lag("at") OVER same) AS ago
    FROM (
        SELECT *, coalesce(lower(status) <> 'ok', false) AS failed
        FROM priced_usage WHERE "at" IS NOT NULL AND ("user" IS NOT NULL OR session IS NOT NULL) AND requests = 1
    )
    WINDOW same AS (PARTITION BY "user", session, model ORDER BY "at", line)
)
WHERE failed_before AND ago <= $within

-- count_callers --
-- How many rows have a time, and how many a time and a user or a session.
SELECT count("at"), count(*) FILTER ("at" IS NOT NULL AND ("user" IS NOT NULL OR session IS NOT NULL) AND requests = 1)
FROM usage

-- sum_repeated_rows --
-- Rows that are the same as an earlier one in every column but the line, time to the microsecond and all: how many, what they
-- cost, and where the first of them stand.
SELECT count(*), coalesce(fsum(cost), 0), (list(line ORDER BY line))[1:$named]
FROM (
    SELECT
        line, cost,
        row_number() OVER (PARTITION BY usage_hash, "at", input_tokens, output_tokens ORDER BY line) AS copy
    FROM (
        SELECT
            line, cost, "at", input_tokens, output_tokens,
            hash(model, "user", feature, latency_ms, cost_usd, cached_input_tokens, session, status) AS usage_hash
        FROM priced_usage WHERE "at" IS NOT NULL AND requests = 1
    )
)
WHERE copy > 1

-- sum_alike --
-- Requests of one user and session to one model that have as many input and as many output tokens as the one before, at most
-- $within microseconds later: rows and what they cost.
SELECT count(*), coalesce(fsum(cost), 0), (list(line ORDER BY cost DESC NULLS LAST, line))[1:$named]
FROM (
    SELECT line, cost, epoch_us("at") - epoch_us(lag("at") OVER same) AS ago
    FROM priced_usage WHERE "at" IS NOT NULL AND ("user" IS NOT NULL OR session IS NOT NULL) AND requests = 1
    WINDOW same AS (PARTITION BY "user", session, model, feature, input_tokens, output_tokens ORDER BY "at", line)
)
WHERE ago <= $within

-- sum_cached --
-- What a provider's cache gave, over the rows that say so, in all (the key is NULL and `whole` true) and by model.
SELECT
    grouping(model) = 1 AS whole, model, count(*), sum(input_tokens), sum(least(cached_input_tokens, input_tokens)),
    count(*) FILTER (cached_input_tokens > 0), count(*) OVER ()
FROM usage WHERE cached_input_tokens IS NOT NULL
GROUP BY GROUPING SETS ((), (model)) HAVING count(*) > 0
ORDER BY whole DESC, sum(input_tokens) DESC, model LIMIT $limit
