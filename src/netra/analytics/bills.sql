-- keep_tariffs --
-- What each model costs, in dollars a token: one line for each part of the day and size of the input; and what its provider
-- takes off for requests that come in a batch.
CREATE OR REPLACE TEMP TABLE bill_tariff AS
SELECT
    unnest($names::VARCHAR[]) AS name, unnest($begins::TIME[]) AS begins, unnest($ends::TIME[]) AS ends,
    unnest($above::BIGINT[]) AS above, unnest($up_to::BIGINT[]) AS up_to,
    unnest($input_rates::DOUBLE[]) AS input_rate, unnest($cached_rates::DOUBLE[]) AS cached_rate,
    unnest($written_rates::DOUBLE[]) AS written_rate, unnest($output_rates::DOUBLE[]) AS output_rate,
    unnest($request_rates::DOUBLE[]) AS request_rate, unnest($discounts::DOUBLE[]) AS discount

-- keep_shifts --
-- When a model is cheaper than at an hour of the day: the hours, and when the cheapest ones begin.
CREATE OR REPLACE TEMP TABLE bill_shift AS
SELECT
    unnest($names::VARCHAR[]) AS name, unnest($begins::TIME[]) AS begins, unnest($ends::TIME[]) AS ends,
    unnest($cheapest::TIME[]) AS cheapest

-- keep_groups --
-- The rows that have a list price by feature and model, and how large their requests are. Only rows that stand for one
-- request have the size of a request. Features beyond those of $features count as one, which is NULL.
CREATE OR REPLACE TEMP TABLE bill_group AS
SELECT row_number() OVER (ORDER BY feature NULLS LAST, name) AS id, *
FROM (
    SELECT
        CASE WHEN feature IN (SELECT unnest($features::VARCHAR[])) THEN feature END AS feature, coalesce(model, '') AS name,
        count(*) AS rows, count(*) FILTER (requests = 1) AS single,
        quantile_cont(input_tokens, $input_levels::DOUBLE[]) FILTER (requests = 1) AS input_levels,
        quantile_cont(output_tokens, $output_levels::DOUBLE[]) FILTER (requests = 1) AS output_levels,
        max((input_tokens + output_tokens) // greatest(requests, 1)) AS largest
    FROM usage WHERE coalesce(model, '') IN (SELECT unnest($models::VARCHAR[]))
    GROUP BY ALL
)

-- keep_limits --
-- What the levers do to each group of rows, in variants: how many tokens they leave to a request, which model takes its
-- place, and whether a cache of prompts pays.
CREATE OR REPLACE TEMP TABLE bill_limit AS
SELECT
    unnest($variants::BIGINT[]) AS variant, unnest($groups::BIGINT[]) AS group_id,
    unnest($input_limits::BIGINT[]) AS input_limit, unnest($output_limits::BIGINT[]) AS output_limit,
    unnest($substitutes::VARCHAR[]) AS substitute, unnest($caches::BOOLEAN[]) AS caches

-- keep_rows --
-- Every row that has a list price, with what it costs and what the levers have to know of it. `waits` is the first case in
-- which it can wait for a batch. Of a conversation, `earlier_input` is the prompt of the request before, to the same model.
CREATE OR REPLACE TEMP TABLE bill_row AS
WITH numbered AS MATERIALIZED (
    SELECT
        row_number() OVER () AS number, line, "at", coalesce(model, '') AS name, "user", session,
        CASE WHEN feature IN (SELECT unnest($features::VARCHAR[])) THEN feature END AS feature,
        coalesce("at"::TIME, TIME '00:00') AS clock, greatest(requests, 1) AS requests,
        input_tokens, least(coalesce(cached_input_tokens, 0), input_tokens) AS cached, output_tokens,
        CASE
            WHEN feature IN (SELECT unnest($tolerant::VARCHAR[])) THEN CASE WHEN quiet THEN 0 ELSE 1 END
            WHEN len($tolerant::VARCHAR[]) > 0 THEN CASE WHEN quiet THEN 2 ELSE 3 END
            ELSE CASE WHEN quiet THEN 1 ELSE 2 END
        END AS waits,
        len($tolerant::VARCHAR[]) = 0 OR feature IN (SELECT unnest($tolerant::VARCHAR[])) AS movable
    FROM (SELECT *, list_contains($quiet::BIGINT[], hour("at")) IS TRUE AS quiet FROM usage)
), followed AS (
    SELECT
        number, epoch_us("at") - epoch_us(lag("at") OVER turns) AS ago, lag(input_tokens) OVER turns AS earlier_input,
        lag(output_tokens) OVER turns AS earlier_output
    FROM numbered WHERE session IS NOT NULL AND "at" IS NOT NULL AND requests = 1
    WINDOW turns AS (PARTITION BY "user", session, name ORDER BY "at", line, number)
)
SELECT
    numbered.* EXCLUDE (number, "user", session, feature, "at"), date_trunc('hour', "at") AS hour, bill_group.id AS group_id,
    requests = 1 AS single, ago, earlier_input, earlier_output, followed.number IS NOT NULL AS converses,
    -- The terms stand in the order of the view `bill`, so that a row that no lever changes costs the same to the last bit.
    (input_tokens - cached) * input_rate + output_tokens * output_rate + cached * cached_rate + requests * request_rate AS cost
FROM numbered
JOIN bill_group ON numbered.name = bill_group.name AND numbered.feature IS NOT DISTINCT FROM bill_group.feature
JOIN bill_tariff ON
    numbered.name = bill_tariff.name AND clock >= begins AND (ends IS NULL OR clock < ends)
    AND input_tokens // requests > above AND (up_to IS NULL OR input_tokens // requests <= up_to)
LEFT JOIN followed ON numbered.number = followed.number

-- keep_trials --
-- Which levers are tried together, in which variant of the limits, in which case (0 to 2, which saves most) and with which
-- bounds; times are in microseconds.
CREATE OR REPLACE TEMP TABLE bill_trial AS
SELECT
    unnest($trials::BIGINT[]) AS trial, unnest($variants::BIGINT[]) AS variant, unnest($cases::BIGINT[]) AS number_of_case,
    unnest($model_substitution::BOOLEAN[]) AS substitutes, unnest($prompt_length::BOOLEAN[]) AS shortens,
    unnest($output_cap::BOOLEAN[]) AS caps, unnest($prompt_caching::BOOLEAN[]) AS keeps,
    unnest($off_peak::BOOLEAN[]) AS moves, unnest($batching::BOOLEAN[]) AS batches,
    unnest($cache_times::BIGINT[]) AS cache_time, unnest($patiences::BIGINT[]) AS patience,
    unnest($shortest::BIGINT[]) AS shortest

-- define_bill --
-- Every row in every trial: changed by the levers of the trial, one after the other, and billed as it then is. A discount on
-- batches is on the price of tokens that no cache gives; the surcharge for what a cache takes in, and the fee of a request, are
-- without.
CREATE OR REPLACE TEMP VIEW bill AS
WITH smaller AS (
    SELECT
        bill_row.* EXCLUDE (name, input_tokens, output_tokens, cached, cost), bill_trial.*, cost AS cost_before, caches, input_tokens AS sent,
        CASE WHEN substitutes THEN coalesce(substitute, name) ELSE name END AS name,
        CASE WHEN shortens AND single AND input_tokens > input_limit THEN input_limit ELSE input_tokens END AS input_tokens,
        CASE WHEN caps AND single AND output_tokens > output_limit THEN output_limit ELSE output_tokens END AS output_tokens,
        cached AS cached_before
    FROM bill_row CROSS JOIN bill_trial
    JOIN bill_limit ON bill_row.group_id = bill_limit.group_id AND bill_trial.variant = bill_limit.variant
), kept AS (
    SELECT
        *, keeps AND caches AND converses AND input_tokens >= shortest AS prepared,
        least(
            input_tokens,
            greatest(
                cached_before * (input_tokens / greatest(sent, 1)),
                CASE
                    WHEN keeps AND caches AND ago <= cache_time AND earlier_input BETWEEN shortest AND sent
                        AND (number_of_case > 0 OR sent >= earlier_input + earlier_output)
                    THEN earlier_input
                    ELSE 0
                END
            )
        ) AS cached
    FROM smaller
), moved AS (
    SELECT
        kept.*, CASE WHEN prepared THEN input_tokens - cached ELSE 0 END AS written,
        CASE
            WHEN moves AND movable
                AND (epoch_us(cheapest) - epoch_us(clock) + 86400000000) % 86400000000 <= patience
            THEN cheapest
            ELSE clock
        END AS billed_at
    FROM kept
    LEFT JOIN bill_shift ON
        kept.name = bill_shift.name AND clock >= bill_shift.begins AND (bill_shift.ends IS NULL OR clock < bill_shift.ends)
)
SELECT
    trial, group_id, moved.name, hour, cost_before, batches AND waits <= number_of_case AND discount > 0 AS batched,
    ((input_tokens - cached) * input_rate + output_tokens * output_rate)
        * (1 - CASE WHEN batches AND waits <= number_of_case THEN discount ELSE 0 END)
        + cached * cached_rate + written * (written_rate - input_rate) + requests * request_rate AS cost
FROM moved JOIN bill_tariff ON
    moved.name = bill_tariff.name AND billed_at >= bill_tariff.begins
    AND (bill_tariff.ends IS NULL OR billed_at < bill_tariff.ends)
    AND input_tokens // requests > above AND (up_to IS NULL OR input_tokens // requests <= up_to)

-- sum_bills --
-- What each group costs in each trial, what it cost before, and how many of its rows the trial changed. Groups without limits
-- in the variant of the trial are not in it.
SELECT trial, group_id, fsum(cost), fsum(cost_before), count(*) FILTER (cost <> cost_before)
FROM bill GROUP BY trial, group_id ORDER BY trial, group_id

-- sum_commitments --
-- For each trial and model the throughput that is best paid for every hour: it costs its share of the list price in each of
-- the $hours, and takes the place of what requests of the hour cost up to it. The best is what one of the hours cost, because
-- between two of them the saving is linear. Requests in batches are no load of an hour.
WITH hourly AS (
    SELECT trial, name, hour, fsum(cost) AS cost
    FROM bill WHERE hour IS NOT NULL AND NOT batched
    GROUP BY trial, name, hour
), ranked AS (
    SELECT
        *, row_number() OVER rising AS place, count(*) OVER (PARTITION BY trial, name) AS busy,
        sum(cost) OVER (rising ROWS UNBOUNDED PRECEDING) AS below
    FROM hourly WINDOW rising AS (PARTITION BY trial, name ORDER BY cost, hour)
), offered AS (
    SELECT
        trial, name, busy, cost AS level,
        below + (busy - place) * cost - cost * (1 - ($discounts::DOUBLE[])[trial + 1]) * $hours AS saving
    FROM ranked
)
SELECT trial, name, max(saving), arg_max(level, saving), any_value(busy)
FROM offered GROUP BY trial, name HAVING max(saving) > 0 ORDER BY trial, name

-- list_groups --
-- The groups of rows that have a list price.
SELECT id, feature, name, rows, single, input_levels, output_levels, largest FROM bill_group ORDER BY id

-- define_priced_usage --
-- Every row with what it costs, at the size of the mean of its requests; NULL where its model has no list price.
CREATE OR REPLACE TEMP VIEW priced_usage AS
SELECT
    usage.*,
    (input_tokens - least(coalesce(cached_input_tokens, 0), input_tokens)) * input_rate
        + output_tokens * output_rate + least(coalesce(cached_input_tokens, 0), input_tokens) * cached_rate
        + greatest(requests, 1) * request_rate AS cost
FROM usage LEFT JOIN bill_tariff ON
    coalesce(model, '') = name AND coalesce("at"::TIME, TIME '00:00') >= begins
    AND (ends IS NULL OR coalesce("at"::TIME, TIME '00:00') < ends)
    AND input_tokens // greatest(requests, 1) > above AND (up_to IS NULL OR input_tokens // greatest(requests, 1) <= up_to)

-- list_features --
-- The features with the most tokens.
SELECT feature FROM usage WHERE feature IS NOT NULL
GROUP BY feature ORDER BY sum(input_tokens + output_tokens) DESC, feature LIMIT $limit

-- count_columns --
-- How many rows carry what the levers need, and how many stand for more than one request.
SELECT
    count(*), count("at"), count(feature), count(session), count(cached_input_tokens), count(*) FILTER (requests > 1),
    min("at"), max("at")
FROM usage
