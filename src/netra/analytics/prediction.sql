-- span_of_latency --
-- The rows that have both a time and a latency up to $longest ms: how many, and when the first and the last came.
SELECT count(*), min("at"), max("at") FROM usage WHERE "at" IS NOT NULL AND latency_ms <= $longest

-- sum_products --
-- What the normal equations are made of, over the rows before $cut. Latency is in whole microseconds, so that every sum is
-- exact; and the ranges of what was seen.
SELECT
    count(*), sum(x1), sum(x2), sum(y), sum(x1 * x1), sum(x1 * x2), sum(x2 * x2), sum(x1 * y), sum(x2 * y),
    min(x1), max(x1), min(x2), max(x2)
FROM (
    SELECT
        input_tokens::HUGEINT AS x1, output_tokens::HUGEINT AS x2, round(latency_ms * 1000)::HUGEINT AS y
    FROM usage WHERE "at" < $cut::TIMESTAMP AND latency_ms <= $longest
)

-- judge_predictions --
-- How far a linear prediction, and the mean of the rows before $cut, are from the rows at and after it.
SELECT
    count(*), count(*) FILTER (y > 0), avg(abs(y - p)), avg(abs(y - $mean)),
    quantile_cont(abs(y - p) / y, 0.5) FILTER (y > 0), quantile_cont(abs(y - $mean) / y, 0.5) FILTER (y > 0),
    quantile_cont(abs(y - p), 0.9), fsum((y - p) * (y - p)), fsum((y - $mean) * (y - $mean)), fsum((y - middle) * (y - middle))
FROM (
    SELECT
        latency_ms AS y, $intercept + $per_input * input_tokens + $per_output * output_tokens AS p,
        avg(latency_ms) OVER () AS middle
    FROM usage WHERE "at" >= $cut::TIMESTAMP AND latency_ms <= $longest
)
