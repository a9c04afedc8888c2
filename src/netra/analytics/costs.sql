-- sum_costs --
-- Every row at the prices of its own model, in millionths of a dollar, summed over all rows and by model, user, feature and
-- hour of the day; of each kind the most expensive groups, and how many there are. Rows whose model has no price count, but
-- cost nothing. What a cache gave has its own price; a row of several requests is of the size of the mean one. Products and
-- sums are decimal, so they are exact.
WITH tariff AS (
    SELECT
        unnest($names::VARCHAR[]) AS name, unnest($begins::TIME[]) AS begins, unnest($ends::TIME[]) AS ends,
        unnest($above::BIGINT[]) AS above, unnest($up_to::BIGINT[]) AS up_to,
        unnest($input_rates::DECIMAL(14, 9)[]) AS input_rate, unnest($cached_rates::DECIMAL(14, 9)[]) AS cached_rate,
        unnest($output_rates::DECIMAL(14, 9)[]) AS output_rate, unnest($request_rates::DECIMAL(14, 9)[]) AS request_rate
), priced AS (
    SELECT
        usage.*, hour("at") AS hour,
        (input_tokens - cached)::DECIMAL(13, 0) * input_rate + cached::DECIMAL(13, 0) * cached_rate AS input_cost,
        output_tokens::DECIMAL(13, 0) * output_rate AS output_cost, several::DECIMAL(13, 0) * request_rate AS request_cost
    FROM (
        SELECT
            *, least(coalesce(cached_input_tokens, 0), input_tokens) AS cached, greatest(requests, 1) AS several FROM usage
    ) AS usage
    LEFT JOIN tariff ON
        coalesce(model, '') = name
        AND coalesce("at"::TIME, TIME '00:00') >= begins AND (ends IS NULL OR coalesce("at"::TIME, TIME '00:00') < ends)
        AND input_tokens // several > above AND (up_to IS NULL OR input_tokens // several <= up_to)
), grouped AS (
    SELECT
        CASE
            WHEN grouping(model) = 0 THEN 'model'
            WHEN grouping("user") = 0 THEN 'user'
            WHEN grouping(feature) = 0 THEN 'feature'
            WHEN grouping(hour) = 0 THEN 'hour'
            ELSE 'all'
        END AS kind,
        coalesce(model, "user", feature, hour::VARCHAR) AS key,
        count(*) AS requests, count(input_cost) AS priced, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
        sum(input_cost) AS input_cost, sum(output_cost) AS output_cost, sum(request_cost) AS request_cost,
        count(*) FILTER (input_cost IS NOT NULL AND cost_usd <= $largest) AS compared,
        sum(cost_usd) FILTER (input_cost IS NOT NULL AND cost_usd <= $largest) AS recorded,
        sum(input_cost + output_cost + request_cost) FILTER (cost_usd <= $largest) AS recomputed
    FROM priced
    GROUP BY GROUPING SETS ((), (model), ("user"), (feature), (hour))
)
SELECT *, count(*) OVER (PARTITION BY kind), count(key) OVER (PARTITION BY kind)
FROM grouped
QUALIFY row_number() OVER (
    PARTITION BY kind ORDER BY input_cost + output_cost + request_cost DESC NULLS LAST, input_tokens + output_tokens DESC, key
) <= $limit
ORDER BY kind, input_cost + output_cost + request_cost DESC NULLS LAST, input_tokens + output_tokens DESC, key

-- list_models --
-- The names of models that the rows have, those with the most tokens first; a row without one counts as ''.
SELECT coalesce(model, '') AS name, count(*)
FROM usage GROUP BY name ORDER BY sum(input_tokens + output_tokens) DESC, name LIMIT $limit

-- count_special_rows --
-- How many rows read a cache, and how many stand for more than one request.
SELECT count(*) FILTER (cached_input_tokens > 0), count(*) FILTER (requests > 1) FROM usage
