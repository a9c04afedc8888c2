-- count_columns --
-- How many rows there are, when they happened, and how many carry each column.
SELECT
    count(*), min("at"), max("at"),
    [count("at"), count(input_tokens), count(output_tokens), count(model), count("user"), count(feature), count(latency_ms),
     count(cost_usd)]
FROM usage

-- sum_requests --
-- For how many requests the rows stand.
SELECT sum(greatest(requests, 1)) FROM usage

-- describe_tokens --
-- Sum, mean, percentiles and the largest of both token columns, with the lines where the largest stand.
SELECT
    count(*),
    sum(input_tokens), avg(input_tokens), quantile_cont(input_tokens, $levels::DOUBLE[]), max(input_tokens),
    arg_min(line, (-input_tokens, line)),
    sum(output_tokens), avg(output_tokens), quantile_cont(output_tokens, $levels::DOUBLE[]), max(output_tokens),
    arg_min(line, (-output_tokens, line))
FROM usage

-- count_by_hour --
-- The calendar hours with the most requests, in UTC.
SELECT date_trunc('hour', "at") AS hour, count(*) AS requests
FROM usage WHERE "at" IS NOT NULL
GROUP BY hour ORDER BY requests DESC, hour LIMIT $limit

-- count_by_hour_of_day --
-- Requests by the hour of the day, in UTC; hours without any are absent.
SELECT hour("at") AS hour, count(*) FROM usage WHERE "at" IS NOT NULL GROUP BY hour ORDER BY hour

-- count_by_period --
-- Requests a minute, hour, day or month, in UTC; periods without any are absent.
SELECT date_trunc($period, "at") AS period, count(*) FROM usage WHERE "at" IS NOT NULL GROUP BY period ORDER BY period

-- concentrate_tokens --
-- How much of all tokens the largest 1 % and 10 % of requests hold, and the sum that the Gini coefficient is made of.
SELECT
    sum(weight), sum(weight) FILTER (rank <= $one_percent), sum(weight) FILTER (rank <= $ten_percent),
    sum(($requests + 1 - 2 * rank) * weight), list(line ORDER BY rank) FILTER (rank <= $named)
FROM (
    SELECT
        line, input_tokens + output_tokens AS weight,
        row_number() OVER (ORDER BY input_tokens + output_tokens DESC, line) AS rank
    FROM usage
)

-- share_by_name --
-- The largest users, models or features by tokens, how many there are of them, and the tokens of all rows that name one.
SELECT name, tokens, count(*) OVER (), sum(tokens) OVER (), sum(requests) OVER ()
FROM (
    SELECT
        CASE $column WHEN 'user' THEN "user" WHEN 'model' THEN model ELSE feature END AS name,
        count(*) AS requests, sum(input_tokens + output_tokens) AS tokens
    FROM usage GROUP BY name
)
WHERE name IS NOT NULL
ORDER BY tokens DESC, name LIMIT $limit

-- sum_by_tariff --
-- Requests and tokens by what they are billed at: the part of the day, and how many price steps the input is above. Of the
-- input also what a cache gave.
SELECT
    part, steps, count(*), sum(input_tokens), sum(output_tokens), sum(least(coalesce(cached_input_tokens, 0), input_tokens))
FROM (
    SELECT
        *,
        len(list_filter($begins::TIME[], lambda begin: "at"::TIME >= begin)) AS part,
        len(list_filter($starts::BIGINT[], lambda start: input_tokens > start)) AS steps
    FROM usage
)
GROUP BY part, steps ORDER BY part, steps

-- concentrate_cost --
-- How much of the cost the most expensive 1 % and 10 % of requests cause, and where they stand in the file.
SELECT
    sum(weight), sum(weight) FILTER (rank <= $one_percent), sum(weight) FILTER (rank <= $ten_percent),
    list(line ORDER BY rank) FILTER (rank <= $named)
FROM (
    SELECT line, weight, row_number() OVER (ORDER BY weight DESC, line) AS rank
    FROM (
        SELECT
            line,
            (input_tokens - cached) * ($input_rates::DOUBLE[])[bracket] + cached * ($cached_rates::DOUBLE[])[bracket]
                + output_tokens * ($output_rates::DOUBLE[])[bracket] + ($request_rates::DOUBLE[])[bracket] AS weight
        FROM (
            SELECT
                *, least(coalesce(cached_input_tokens, 0), input_tokens) AS cached,
                len(list_filter($begins::TIME[], lambda begin: "at"::TIME >= begin)) * (len($starts::BIGINT[]) + 1)
                    + len(list_filter($starts::BIGINT[], lambda start: input_tokens > start)) + 1 AS bracket
            FROM usage
        )
    )
)

-- sum_recorded_cost --
-- What the log itself says was paid.
SELECT count(cost_usd), sum(cost_usd) FROM usage WHERE cost_usd <= $largest
