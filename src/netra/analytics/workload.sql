-- count_by_window --
-- Requests in windows of $length microseconds from the first one on, of which $windows are whole: how many, the sum of their
-- squares, and the fullest window, the earlier one where equal. Windows without a request add nothing to any of it.
SELECT sum(requests), sum(requests::HUGEINT * requests), max(requests), arg_min(number, (-requests, number))
FROM (
    SELECT (epoch_us("at") - epoch_us($first::TIMESTAMP)) // $length AS number, count(*) AS requests
    FROM usage WHERE "at" IS NOT NULL
    GROUP BY number HAVING number < $windows
)

-- count_by_hour_of_day --
-- Requests and tokens by the hour of the day, in UTC, and the seconds between the first and the last request that lie in
-- that hour.
SELECT hour, coalesce(requests, 0), coalesce(input_tokens, 0), coalesce(output_tokens, 0), seconds
FROM (
    SELECT
        hour(begins) AS hour,
        sum(epoch_us(least(begins + INTERVAL 1 HOUR, $last::TIMESTAMP)) - epoch_us(greatest(begins, $first::TIMESTAMP))) / 1e6
            AS seconds
    FROM (
        SELECT unnest(generate_series(date_trunc('hour', $first::TIMESTAMP), $last::TIMESTAMP, INTERVAL 1 HOUR)) AS begins
    )
    GROUP BY hour
)
LEFT JOIN (
    SELECT hour("at") AS hour, count(*) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
    FROM usage WHERE "at" IS NOT NULL GROUP BY hour
) USING (hour)
ORDER BY hour

-- sum_by_name --
-- Requests and tokens of each user, model or feature, those with the most tokens first; how many groups there are, and how
-- many of them have a name.
SELECT name, requests, input_tokens, output_tokens, count(*) OVER (), count(name) OVER ()
FROM (
    SELECT
        CASE $column WHEN 'user' THEN "user" WHEN 'model' THEN model ELSE feature END AS name,
        count(*) AS requests, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
    FROM usage GROUP BY name
)
ORDER BY input_tokens + output_tokens DESC, name NULLS LAST LIMIT $limit

-- compare_sides --
-- Input and output of all requests, and the middle of their ratio over the requests that have an output.
SELECT
    sum(input_tokens), sum(output_tokens), count(*) FILTER (output_tokens > 0),
    quantile_cont(input_tokens / output_tokens, 0.5) FILTER (output_tokens > 0)
FROM usage
