-- keep_requests --
-- The requests with a prompt whose blocks are looked at: in order of time, until there are $most_blocks of them.
CREATE OR REPLACE TEMP TABLE request AS
SELECT * FROM (
    SELECT *, sum(blocks) OVER (ORDER BY "at", number ROWS UNBOUNDED PRECEDING) AS blocks_so_far
    FROM (
        SELECT
            number, line, "at", coalesce(model, '') AS model, input_tokens, characters,
            least(characters // $block, $most_in_a_request) AS blocks
        FROM (
            SELECT *, coalesce(length(array_to_string(texts[1:$prompts], chr(10))), 0) AS characters
            FROM original WHERE "at" IS NOT NULL OR NOT $timed
        )
        WHERE characters > 0
    )
)
WHERE blocks_so_far <= $most_blocks

-- keep_reuse --
-- How many blocks from the beginning of each request had been sent to the same model before, not longer ago than $ttl
-- microseconds. A prefix is the hash of its blocks' hashes; it was seen when its last block was, and then so were all before it.
CREATE OR REPLACE TEMP TABLE reuse AS
WITH hashed AS (
    SELECT
        request.*,
        list_transform(
            regexp_extract_all(left(array_to_string(texts[1:$prompts], chr(10)), blocks * $block), $pattern),
            lambda piece: hash(piece)
        ) AS hashes
    FROM request JOIN (SELECT number, texts FROM original) USING (number)
), chained AS (
    SELECT
        number, "at", model,
        unnest(list_transform(range(1, len(hashes) + 1), lambda size: hash(list_slice(hashes, 1, size)))) AS prefix
    FROM hashed
), followed AS (
    SELECT number, lag(number) OVER same AS earlier, epoch_us("at") - epoch_us(lag("at") OVER same) AS ago
    FROM chained WINDOW same AS (PARTITION BY model, prefix ORDER BY "at", number)
), counted AS (
    SELECT number, count(*) FILTER (earlier IS NOT NULL AND (NOT $timed OR ago <= $ttl)) AS hits FROM followed GROUP BY number
)
SELECT hashed.* EXCLUDE (hashes), hashes[1] AS beginning, coalesce(hits, 0) AS hits FROM hashed LEFT JOIN counted USING (number)

-- count_prompts --
-- Rows with a prompt, how many of them have a time, and how many rows there are.
SELECT
    count(*) FILTER (characters > 0), count("at") FILTER (characters > 0), count(*)
FROM (SELECT "at", coalesce(length(array_to_string(texts[1:$prompts], chr(10))), 0) AS characters FROM original)

-- sum_reuse --
-- What was reused, over all requests (the key is NULL) and by model.
SELECT
    grouping(model) = 1, nullif(model, ''), count(*), sum(characters), sum(hits * $block), count(*) FILTER (hits > 0),
    sum(input_tokens), fsum(input_tokens * (hits * $block / characters)), count(*) FILTER (blocks = 0),
    count(*) FILTER (characters // $block > $most_in_a_request), count(*) OVER ()
FROM reuse GROUP BY GROUPING SETS ((), (model))
ORDER BY grouping(model) DESC, sum(characters) DESC, model LIMIT $limit

-- sum_repeats --
-- Requests whose whole prompt had been sent to the same model before, whenever that was: how many, their tokens, and where the
-- first of them stand.
SELECT count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), (list(line ORDER BY line))[1:$named]
FROM (
    SELECT
        line, input_tokens, output_tokens,
        row_number() OVER (PARTITION BY coalesce(model, ''), digest ORDER BY "at" NULLS LAST, number) AS copy
    FROM (
        SELECT number, line, "at", model, input_tokens, output_tokens, md5(array_to_string(texts[1:$prompts], chr(10))) AS digest
        FROM original WHERE array_to_string(texts[1:$prompts], '') <> ''
    )
)
WHERE copy > 1

-- list_beginnings --
-- The beginnings that most was reused behind: the first request that has it, how many do, what they reused, and the longest of
-- it.
SELECT arg_min(line, ("at", number)), nullif(model, ''), count(*), sum(hits * $block), max(hits * $block), count(*) OVER ()
FROM reuse WHERE blocks > 0
GROUP BY model, beginning HAVING count(*) > 1
ORDER BY sum(hits * $block) DESC, min(line) LIMIT $limit

-- sum_cached --
-- What the log itself says was read from a cache, over all rows (the key is NULL) and by model.
SELECT
    grouping(model) = 1, nullif(model, ''), count(cached), sum(cached), sum(input_tokens) FILTER (cached IS NOT NULL),
    count(*) FILTER (cached > 0), count(*) FILTER (cached > input_tokens), count(*) OVER ()
FROM (
    SELECT
        coalesce(model, '') AS model, input_tokens,
        CASE WHEN regexp_full_match(trim(texts[$place]), '[0-9]{1,12}(\.0*)?')
            THEN split_part(trim(texts[$place]), '.', 1)::HUGEINT END AS cached
    FROM original
)
GROUP BY GROUPING SETS ((), (model)) HAVING count(cached) > 0
ORDER BY grouping(model) DESC, sum(input_tokens) DESC, model LIMIT $limit
