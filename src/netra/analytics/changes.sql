-- keep_series --
-- Requests, tokens and cost of every whole period from $first to before $last, empty ones too. `slot` is the hour of the day
-- where hours are compared with those of other days, else 0.
CREATE OR REPLACE TEMP TABLE series AS
WITH counted AS (
    SELECT
        date_trunc($period, "at") AS begins, sum(requests) AS requests, sum(input_tokens + output_tokens) AS tokens,
        coalesce(fsum(cost), 0) AS cost
    FROM priced_usage WHERE "at" >= $first::TIMESTAMP AND "at" < $last::TIMESTAMP
    GROUP BY begins
), spread AS (
    UNPIVOT (
        SELECT
            begins, coalesce(requests, 0)::DOUBLE AS requests, coalesce(tokens, 0)::DOUBLE AS tokens, coalesce(cost, 0) AS cost
        FROM (
            SELECT unnest(generate_series($first::TIMESTAMP, $last::TIMESTAMP, $step::INTERVAL)) AS begins
        ) LEFT JOIN counted USING (begins)
        WHERE begins < $last::TIMESTAMP
    ) ON requests, tokens, cost INTO NAME measure VALUE amount
)
SELECT
    *, CASE WHEN $daily THEN hour(begins) ELSE 0 END AS slot,
    row_number() OVER (PARTITION BY measure ORDER BY begins) AS place, count(*) OVER (PARTITION BY measure) AS periods
FROM spread

-- list_outliers --
-- The periods that stand out from those of their slot: by the robust z-score, or outside of the fences.
WITH centred AS (
    SELECT
        *, median(amount) OVER same AS middle, quantile_cont(amount, 0.25) OVER same AS lower,
        quantile_cont(amount, 0.75) OVER same AS upper
    FROM series WINDOW same AS (PARTITION BY measure, slot)
), scaled AS (
    SELECT
        *, median(abs(amount - middle)) OVER same AS spread, avg(abs(amount - middle)) OVER same AS mean_spread
    FROM centred WINDOW same AS (PARTITION BY measure, slot)
), judged AS (
    SELECT
        *,
        CASE
            WHEN spread > 0 THEN $mad_scale * (amount - middle) / spread
            WHEN mean_spread > 0 THEN (amount - middle) / ($mean_scale * mean_spread)
            ELSE 0
        END AS score,
        lower - $fence * (upper - lower) AS low_fence, upper + $fence * (upper - lower) AS high_fence
    FROM scaled
)
SELECT
    measure, begins, amount, middle, score, low_fence, high_fence,
    amount < low_fence OR amount > high_fence AS outside, count(*) OVER (PARTITION BY measure)
FROM judged WHERE abs(score) > $furthest OR amount < low_fence OR amount > high_fence
QUALIFY row_number() OVER (PARTITION BY measure ORDER BY abs(score) DESC, begins) <= $limit
ORDER BY measure, abs(score) DESC, begins

-- find_shifts --
-- Pettitt's statistic of each series, once the median of its slot is taken off: the largest distance between the ranks of the
-- periods up to one and those after it, where that is, and the medians on both sides. Ranks of equal values are their mean.
WITH levelled AS (
    SELECT *, amount - median(amount) OVER (PARTITION BY measure, slot) AS level FROM series
), ranked AS (
    SELECT
        *, rank() OVER (PARTITION BY measure ORDER BY level) + (count(*) OVER (PARTITION BY measure, level) - 1) / 2 AS rank
    FROM levelled
), summed AS (
    SELECT
        *, 2 * sum(rank) OVER (PARTITION BY measure ORDER BY place ROWS UNBOUNDED PRECEDING) - place * (periods + 1) AS distance
    FROM ranked
), found AS (
    SELECT measure, max(abs(distance)) AS largest, arg_max(place, (abs(distance), -place)) AS last_before
    FROM summed GROUP BY measure
)
SELECT
    measure, any_value(largest), any_value(periods), min(begins) FILTER (place > last_before),
    median(amount) FILTER (place <= last_before), median(amount) FILTER (place > last_before)
FROM series JOIN found USING (measure)
GROUP BY measure ORDER BY measure

-- count_ties --
-- For each series what the variance of Kendall's statistic has to be lowered by, because of periods with equal values.
SELECT measure, any_value(periods), sum(alike * (alike - 1) * (2 * alike + 5))
FROM (SELECT measure, any_value(periods) AS periods, count(*) AS alike FROM series GROUP BY measure, amount)
GROUP BY measure ORDER BY measure

-- find_slopes --
-- The slopes between all pairs of periods of each series: their median, and those at two places in rising order, from 1.
SELECT measure, median(slope), max(slope) FILTER (place = lower), max(slope) FILTER (place = upper)
FROM (
    SELECT measure, slope, lower, upper, row_number() OVER (PARTITION BY measure ORDER BY slope) AS place
    FROM (
        SELECT measure, (later.amount - series.amount) / (later.place - series.place) AS slope
        FROM series JOIN series AS later USING (measure) WHERE later.place > series.place
    )
    JOIN (
        SELECT
            unnest($measures::VARCHAR[]) AS measure, unnest($lowers::BIGINT[]) AS lower, unnest($uppers::BIGINT[]) AS upper
    ) USING (measure)
)
GROUP BY measure ORDER BY measure

-- list_series --
-- The series themselves.
SELECT measure, begins, amount FROM series ORDER BY measure, begins

-- count_rows --
-- How many rows the series are made of.
SELECT count(*) FROM usage WHERE "at" >= $first::TIMESTAMP AND "at" < $last::TIMESTAMP
