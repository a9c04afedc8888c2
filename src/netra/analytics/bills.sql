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

-- keep_answers --
-- The rows that a cache of answers reaches: what was sent to the same model before, and its answer is kept since it was last
-- given for as long as $answer_times say for each case (0 to 2). In the first two only of the same user, or session where no user
-- is named; in the last of anybody. A request that failed has no answer, and what cost nothing is left as it is. `number` is
-- that of `keep_rows`.
CREATE OR REPLACE TEMP TABLE bill_answer AS
SELECT number, answered FROM (
    SELECT
        number, cost_usd,
        CASE
            WHEN own_ago <= ($answer_times::BIGINT[])[1] THEN 0
            WHEN own_ago <= ($answer_times::BIGINT[])[2] THEN 1
            WHEN ago <= ($answer_times::BIGINT[])[3] THEN 2
        END AS answered
    FROM (
        SELECT
            number, cost_usd, epoch_us("at") - epoch_us(lag("at") OVER same) AS ago,
            CASE WHEN who IS NOT NULL THEN epoch_us("at") - epoch_us(lag("at") OVER own) END AS own_ago
        FROM (
            SELECT
                row_number() OVER () AS number, line, "at", coalesce(model, '') AS name, prompt, cost_usd, status, requests,
                coalesce('user ' || "user", 'session ' || session) AS who
            FROM usage
        )
        WHERE prompt IS NOT NULL AND "at" IS NOT NULL AND greatest(requests, 1) = 1 AND coalesce(status, 'ok') = 'ok'
        WINDOW
            same AS (PARTITION BY name, prompt ORDER BY "at", line, number),
            own AS (PARTITION BY name, prompt, who ORDER BY "at", line, number)
    )
)
WHERE answered IS NOT NULL AND cost_usd IS DISTINCT FROM 0

-- keep_no_answers --
-- No row is reached by a cache of answers.
CREATE OR REPLACE TEMP TABLE bill_answer AS SELECT 0::BIGINT AS number, 0 AS answered WHERE false

-- keep_rows --
-- Every row that has a list price, summed by what its bill depends on besides its tokens: the group, the part of the day and
-- the size of the request, within which rates are the same (`clock` and `size` are where that begins), whether it is one
-- request, whether it is in a conversation, and which levers reach it. Within such a class a bill is linear in tokens, so
-- sums of tokens give what billing each row would. What a lever leaves of them is summed for each case (0 to 2), because a
-- limit cuts single rows. `waits` is the first case in which a row can wait for a batch, `answered` the first in which a cache of
-- answers reaches it, and `parted` that of the request before it in its conversation. `kept` is what a cache of
-- conversations gives as well, which begin with the request before, to the same model; `left` is what the provider's own gives
-- of a prompt that was cut short, `kept_short` both. With $hourly the classes are of one hour of the log.
CREATE OR REPLACE TEMP TABLE bill_row AS
WITH known AS NOT MATERIALIZED (
    SELECT
        bill_group.id AS group_id, bill_group.name, "user", session, "at", line, number, greatest(requests, 1) AS requests,
        input_tokens, least(coalesce(cached_input_tokens, 0), input_tokens) AS cached, output_tokens,
        CASE
            WHEN usage.feature IN (SELECT unnest($tolerant::VARCHAR[])) THEN CASE WHEN quiet THEN 0 ELSE 1 END
            WHEN len($tolerant::VARCHAR[]) > 0 THEN CASE WHEN quiet THEN 2 ELSE 3 END
            ELSE CASE WHEN quiet THEN 1 ELSE 2 END
        END AS waits,
        len($tolerant::VARCHAR[]) = 0 OR usage.feature IN (SELECT unnest($tolerant::VARCHAR[])) AS movable,
        $caching AND session IS NOT NULL AND "at" IS NOT NULL AND greatest(requests, 1) = 1 AS converses,
        coalesce(bill_answer.answered, 3) AS answered
    FROM (
        SELECT *, list_contains($quiet::BIGINT[], hour("at")) IS TRUE AS quiet, row_number() OVER () AS number FROM usage
    ) AS usage
    JOIN bill_group ON
        coalesce(model, '') = bill_group.name
        AND CASE WHEN usage.feature IN (SELECT unnest($features::VARCHAR[])) THEN usage.feature END
            IS NOT DISTINCT FROM bill_group.feature
    LEFT JOIN bill_answer USING (number)
), followed AS NOT MATERIALIZED (
    SELECT
        group_id, "at", requests, input_tokens, cached, output_tokens, waits, movable, converses, answered,
        coalesce(lag(answered) OVER turns, 3) AS parted,
        epoch_us("at") - epoch_us(lag("at") OVER turns) AS ago, lag(input_tokens) OVER turns AS earlier_input,
        lag(output_tokens) OVER turns AS earlier_output
    FROM known WHERE converses
    WINDOW turns AS (PARTITION BY "user", session, name ORDER BY "at", line, number)
    UNION ALL
    SELECT
        group_id, "at", requests, input_tokens, cached, output_tokens, waits, movable, converses, answered, 3, NULL, NULL, NULL
    FROM known WHERE NOT converses
), limited AS (
    SELECT
        bill_group.id AS group_id, bill_group.name,
        any_value(input_limit) FILTER (variant = 0) AS input_0, any_value(output_limit) FILTER (variant = 0) AS output_0,
        any_value(input_limit) FILTER (variant = 1) AS input_1, any_value(output_limit) FILTER (variant = 1) AS output_1,
        any_value(input_limit) FILTER (variant = 2) AS input_2, any_value(output_limit) FILTER (variant = 2) AS output_2
    FROM bill_group LEFT JOIN bill_limit ON bill_group.id = bill_limit.group_id GROUP BY bill_group.id, bill_group.name
), mark AS (
    SELECT
        (SELECT list(DISTINCT above + 1) FROM (SELECT above FROM bill_tariff UNION ALL SELECT $shortest - 1)) AS sizes,
        (
            SELECT list(DISTINCT begins) FROM (
                SELECT begins FROM bill_tariff
                -- From then on it is no longer to the cheapest part of the day than somebody is patient.
                UNION ALL
                SELECT cheapest - to_microseconds(patience % 86400000000)
                FROM bill_shift CROSS JOIN (SELECT unnest($patiences::BIGINT[]) AS patience)
            )
        ) AS clocks
), cut AS NOT MATERIALIZED (
    SELECT
        followed.*, limited.name, sizes, clocks, requests = 1 AS single,
        CASE WHEN requests = 1 AND input_tokens > input_0 THEN input_0 ELSE input_tokens END AS input_0,
        CASE WHEN requests = 1 AND input_tokens > input_1 THEN input_1 ELSE input_tokens END AS input_1,
        CASE WHEN requests = 1 AND input_tokens > input_2 THEN input_2 ELSE input_tokens END AS input_2,
        CASE WHEN requests = 1 AND output_tokens > output_0 THEN output_0 ELSE output_tokens END AS output_0,
        CASE WHEN requests = 1 AND output_tokens > output_1 THEN output_1 ELSE output_tokens END AS output_1,
        CASE WHEN requests = 1 AND output_tokens > output_2 THEN output_2 ELSE output_tokens END AS output_2,
        CASE WHEN earlier_input BETWEEN $shortest AND input_tokens THEN earlier_input ELSE 0 END AS again
    FROM followed JOIN limited ON followed.group_id = limited.group_id CROSS JOIN mark
), shared AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN ago <= ($cache_times::BIGINT[])[1] AND input_tokens >= again + earlier_output THEN again ELSE 0 END AS again_0,
        CASE WHEN ago <= ($cache_times::BIGINT[])[2] THEN again ELSE 0 END AS again_1,
        CASE WHEN ago <= ($cache_times::BIGINT[])[3] THEN again ELSE 0 END AS again_2,
        cached * (input_0 / greatest(input_tokens, 1)) AS left_0, cached * (input_1 / greatest(input_tokens, 1)) AS left_1,
        cached * (input_2 / greatest(input_tokens, 1)) AS left_2
    FROM cut
)
SELECT
    group_id, name, CASE WHEN $hourly THEN date_trunc('hour', "at") END AS hour,
    CASE WHEN len(clocks) > 1
        THEN list_max(list_filter(clocks, lambda begins: begins <= coalesce("at"::TIME, TIME '00:00'))) ELSE clocks[1]
    END AS clock,
    list_max(list_filter(sizes, lambda begins: begins <= input_tokens // requests)) AS size, single, converses, waits, movable,
    answered, parted, count(*)::DOUBLE AS rows, sum(requests)::DOUBLE AS requests,
    sum(input_tokens)::DOUBLE AS inputs, sum(output_tokens)::DOUBLE AS outputs, sum(cached)::DOUBLE AS cached,
    sum(input_0)::DOUBLE AS inputs_0, sum(input_1)::DOUBLE AS inputs_1, sum(input_2)::DOUBLE AS inputs_2,
    sum(output_0)::DOUBLE AS outputs_0, sum(output_1)::DOUBLE AS outputs_1, sum(output_2)::DOUBLE AS outputs_2,
    sum(least(input_0, left_0)) AS left_0, sum(least(input_1, left_1)) AS left_1, sum(least(input_2, left_2)) AS left_2,
    sum(greatest(cached, again_0))::DOUBLE AS kept_0, sum(greatest(cached, again_1))::DOUBLE AS kept_1,
    sum(greatest(cached, again_2))::DOUBLE AS kept_2,
    sum(least(input_0, greatest(left_0, again_0))) AS kept_short_0,
    sum(least(input_1, greatest(left_1, again_1))) AS kept_short_1,
    sum(least(input_2, greatest(left_2, again_2))) AS kept_short_2,
    count_if(input_0 < input_tokens)::DOUBLE AS shortened_0, count_if(input_1 < input_tokens)::DOUBLE AS shortened_1,
    count_if(input_2 < input_tokens)::DOUBLE AS shortened_2, count_if(output_0 < output_tokens)::DOUBLE AS capped_0,
    count_if(output_1 < output_tokens)::DOUBLE AS capped_1, count_if(output_2 < output_tokens)::DOUBLE AS capped_2,
    count_if(again_0 > cached)::DOUBLE AS repeated_0, count_if(again_1 > cached)::DOUBLE AS repeated_1,
    count_if(again_2 > cached)::DOUBLE AS repeated_2
FROM shared GROUP BY ALL

-- keep_classes --
-- The same classes over all hours.
CREATE OR REPLACE TEMP TABLE bill_class AS
SELECT
    group_id, name, NULL::TIMESTAMP AS hour, clock, size, single, converses, waits, movable, answered, parted,
    sum(COLUMNS('^(rows|requests|inputs|outputs|cached|.*_[0-2])$')) AS "\1"
FROM bill_row GROUP BY ALL

-- bill_all_hours --
-- What is billed: classes over all hours.
CREATE OR REPLACE TEMP VIEW billed AS SELECT * FROM bill_class

-- bill_each_hour --
-- What is billed: classes of one hour.
CREATE OR REPLACE TEMP VIEW billed AS SELECT * FROM bill_row

-- keep_trials --
-- Which levers are tried together, in which variant of the limits, in which case (0 to 2, which saves most) and with which
-- bounds; times are in microseconds.
CREATE OR REPLACE TEMP TABLE bill_trial AS
SELECT
    unnest($trials::BIGINT[]) AS trial, unnest($variants::BIGINT[]) AS variant, unnest($cases::BIGINT[]) AS number_of_case,
    unnest($answer_cache::BOOLEAN[]) AS answers, unnest($model_substitution::BOOLEAN[]) AS substitutes, unnest($prompt_length::BOOLEAN[]) AS shortens,
    unnest($output_cap::BOOLEAN[]) AS caps, unnest($prompt_caching::BOOLEAN[]) AS keeps,
    unnest($off_peak::BOOLEAN[]) AS moves, unnest($batching::BOOLEAN[]) AS batches,
    unnest($cache_times::BIGINT[]) AS cache_time, unnest($patiences::BIGINT[]) AS patience,
    unnest($shortest::BIGINT[]) AS shortest

-- define_bill --
-- Every class of rows in every trial: changed by the levers of the trial, one after the other, and billed as it then is. A
-- discount on batches is on the price of tokens that no cache gives; the surcharge for what a cache takes in, and the fee of a
-- request, are without. The terms of both costs stand in one order, so that what no lever changes costs the same to the last bit.
CREATE OR REPLACE TEMP VIEW bill AS
WITH before AS (
    SELECT
        billed.*,
        (inputs - cached) * input_rate + outputs * output_rate + cached * cached_rate + requests * request_rate AS cost_before
    FROM billed JOIN bill_tariff ON
        billed.name = bill_tariff.name AND clock >= begins AND (ends IS NULL OR clock < ends)
        AND size > above AND (up_to IS NULL OR size <= up_to)
), changed AS (
    SELECT
        before.group_id, trial, number_of_case, hour, clock, single, waits, movable, rows, requests, cost_before, batches, moves,
        patience, keeps AND caches AS keeps, answers AND answered <= number_of_case AS spared,
        CASE WHEN substitutes THEN coalesce(substitute, name) ELSE name END AS name,
        CASE WHEN shortens AND single AND size > input_limit THEN input_limit ELSE size END AS size,
        CASE WHEN shortens THEN [inputs_0, inputs_1, inputs_2][number_of_case + 1] ELSE inputs END AS inputs,
        CASE WHEN caps THEN [outputs_0, outputs_1, outputs_2][number_of_case + 1] ELSE outputs END AS outputs,
        CASE
            WHEN keeps AND caches AND answers AND parted <= number_of_case THEN
                CASE WHEN shortens THEN [left_0, left_1, left_2][number_of_case + 1] ELSE cached END
            WHEN keeps AND caches AND shortens THEN [kept_short_0, kept_short_1, kept_short_2][number_of_case + 1]
            WHEN keeps AND caches THEN [kept_0, kept_1, kept_2][number_of_case + 1]
            WHEN shortens THEN [left_0, left_1, left_2][number_of_case + 1]
            ELSE cached
        END AS cached,
        converses, shortest,
        greatest(
            CASE WHEN substitutes AND substitute IS NOT NULL THEN rows ELSE 0 END,
            CASE WHEN shortens THEN [shortened_0, shortened_1, shortened_2][number_of_case + 1] ELSE 0 END,
            CASE WHEN caps THEN [capped_0, capped_1, capped_2][number_of_case + 1] ELSE 0 END
        ) AS reached,
        [repeated_0, repeated_1, repeated_2][number_of_case + 1] AS repeated
    FROM before CROSS JOIN bill_trial
    JOIN bill_limit ON before.group_id = bill_limit.group_id AND bill_trial.variant = bill_limit.variant
), moved AS (
    SELECT
        changed.*, keeps AND converses AND size >= shortest AS prepared,
        CASE
            WHEN moves AND movable
                AND (epoch_us(cheapest) - epoch_us(clock) + 86400000000) % 86400000000 <= patience
            THEN cheapest
            ELSE clock
        END AS billed_at
    FROM changed
    LEFT JOIN bill_shift ON
        changed.name = bill_shift.name AND clock >= bill_shift.begins AND (bill_shift.ends IS NULL OR clock < bill_shift.ends)
), priced AS (
    SELECT moved.*, bill_tariff.* EXCLUDE (name), batches AND waits <= number_of_case AND discount > 0 AS batched
    FROM moved JOIN bill_tariff ON
        moved.name = bill_tariff.name AND billed_at >= bill_tariff.begins
        AND (bill_tariff.ends IS NULL OR billed_at < bill_tariff.ends)
        AND size > above AND (up_to IS NULL OR size <= up_to)
)
SELECT
    trial, group_id, name, hour, cost_before, batched,
    CASE
        WHEN spared THEN 0
        ELSE ((inputs - cached) * input_rate + outputs * output_rate) * (1 - CASE WHEN batched THEN discount ELSE 0 END)
            + cached * cached_rate + CASE WHEN prepared THEN inputs - cached ELSE 0 END * (written_rate - input_rate)
            + requests * request_rate
    END AS cost,
    greatest(
        reached,
        CASE WHEN spared THEN rows ELSE 0 END,
        CASE WHEN prepared AND written_rate <> input_rate THEN rows WHEN keeps THEN repeated ELSE 0 END,
        CASE WHEN batched OR billed_at <> clock THEN rows ELSE 0 END
    ) AS changed
FROM priced

-- sum_bills --
-- What each group costs in each trial, what it cost before, and how many of its rows the lever of the trial reaches. Groups
-- without limits in the variant of the trial are not in it.
SELECT trial, group_id, fsum(cost), fsum(cost_before), sum(changed)::BIGINT
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
    count(*), count("at"), count(feature), count(session), count(prompt), count(cached_input_tokens), count(*) FILTER (requests > 1),
    min("at"), max("at")
FROM usage
