-- define_content --
-- Every line of a piece of the text, blank ones too: a line that no later step takes cannot vanish unseen.
CREATE TEMP VIEW content AS
SELECT getvariable('lines_before') + row_number() OVER () AS place, coalesce(text, '') AS text
FROM read_csv(
    getvariable('text_path'),
    -- One column that nothing can split. DuckDB's own CSV reader is not asked to judge rows: where it skips a bad one it
    -- has also lost good ones after it, and it counts lines otherwise than an editor does.
    columns = {'text': 'VARCHAR'}, auto_detect = false, header = false, strict_mode = false,
    delim = getvariable('no_delimiter'), quote = '', escape = '', comment = '', new_line = '\n',
    max_line_size = getvariable('longest_line'), buffer_size = getvariable('longest_line')
)

-- define_line --
-- Every line of the file with its number.
CREATE TEMP VIEW line AS SELECT place AS number, * FROM content

-- define_numbered_line --
-- Every record of a document, which begins with the number of the line where it stands.
CREATE TEMP VIEW line AS
SELECT split_part(text, chr(9), 1)::BIGINT AS number, place, substr(text, strpos(text, chr(9)) + 1) AS text FROM content

-- define_plain_record --
-- A piece of a CSV file without a single quotation mark: a record is a line, a field is what stands between two delimiters.
CREATE OR REPLACE TEMP VIEW record AS
SELECT number AS line, place, string_split(text, getvariable('delimiter')) AS body, NULL::VARCHAR AS problem
FROM line
WHERE number > getvariable('header_lines') AND trim(text) <> ''

-- define_part --
-- A piece of one with quotation marks: whether a line begins inside a quoted value, and at which line its record began.
CREATE TEMP VIEW part AS
SELECT *, max(CASE WHEN NOT continues THEN number END) OVER (ROWS UNBOUNDED PRECEDING) AS record
FROM (
    SELECT *, (sum(marks) OVER (ROWS UNBOUNDED PRECEDING) - marks) % 2 = 1 AS continues
    FROM (
        SELECT *, length(text) - length(replace(text, '"', '')) AS marks
        FROM line WHERE number > getvariable('header_lines')
    )
)

-- define_joined --
-- The records that run over several lines, joined again; only those whose quoting then comes out even.
CREATE TEMP VIEW joined AS
SELECT record AS line, string_agg(text, chr(10) ORDER BY number) AS text
FROM part
WHERE (continues OR marks % 2 = 1) AND number - record < getvariable('most_lines_in_a_record')
GROUP BY record
HAVING regexp_full_match(string_agg(text, chr(10) ORDER BY number) || getvariable('delimiter'), getvariable('record_pattern'))

-- define_quoted_record --
-- The records of such a piece. Where joining lines does not make one, a stray mark is at fault, and each line stands alone.
CREATE OR REPLACE TEMP VIEW record AS
SELECT
    line, line AS place,
    CASE
        WHEN NOT contains(text, '"') THEN string_split(text, getvariable('delimiter'))
        ELSE list_transform(
            regexp_extract_all(text || getvariable('delimiter'), getvariable('field_pattern'), 1),
            lambda field: CASE
                WHEN starts_with(ltrim(field), '"') THEN replace(trim(field)[2:-2], '""', '"')
                ELSE field
            END
        )
    END AS body,
    CASE
        WHEN contains(text, '"')
            AND NOT regexp_full_match(text || getvariable('delimiter'), getvariable('record_pattern'))
        THEN 'the quotation marks do not pair up'
    END AS problem
FROM (
    SELECT number AS line, text FROM part WHERE NOT continues AND marks % 2 = 0
    UNION ALL
    SELECT line, text FROM joined
    UNION ALL
    SELECT number AS line, text FROM part
    WHERE (continues OR marks % 2 = 1) AND record NOT IN (SELECT line FROM joined)
)
WHERE trim(text) <> ''

-- define_object_record --
-- One JSON object a line.
CREATE OR REPLACE TEMP VIEW record AS
SELECT
    number AS line, place,
    CASE WHEN object THEN text END AS body,
    CASE WHEN NOT object THEN 'the line is not a JSON object' END AS problem
FROM (
    SELECT *, CASE WHEN json_valid(text) THEN json_type(text) = 'OBJECT' ELSE false END AS object
    FROM line WHERE trim(text) <> ''
)

-- define_number_text --
-- A numeric field without the words that programs write for no value.
CREATE TEMP MACRO number_text(field) AS
CASE WHEN lower(trim(field)) IN ('', 'null', 'none', 'nan') THEN NULL ELSE trim(field) END

-- define_whole --
-- A count: digits, perhaps with a fraction of zeros; anything else, or a trillion, is NULL.
CREATE TEMP MACRO whole(field) AS
CASE WHEN regexp_full_match(field, '\+?[0-9]{1,12}(\.0*)?') THEN try_cast(split_part(field, '.', 1) AS BIGINT) END

-- define_measure --
-- A finite number that is not negative; anything else is NULL.
CREATE TEMP MACRO measure(field) AS
CASE
    WHEN regexp_full_match(field, '[+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?') AND isfinite(try_cast(field AS DOUBLE))
    THEN try_cast(field AS DOUBLE)
END

-- define_instant --
-- A moment in UTC: ISO 8601, with a zone or without (then UTC), or a Unix time in s, ms, µs or ns; anything else is NULL.
CREATE TEMP MACRO instant(field) AS
CASE
    WHEN regexp_full_match(
        field, '[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?( ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?))?)?'
    ) THEN try_cast(field AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
    WHEN regexp_full_match(field, '[0-9]{9,10}(\.[0-9]+)?') THEN make_timestamp((field::DECIMAL(30, 6) * 1000000)::BIGINT)
    WHEN regexp_full_match(field, '[0-9]{12,13}(\.[0-9]+)?') THEN make_timestamp((field::DECIMAL(30, 3) * 1000)::BIGINT)
    WHEN regexp_full_match(field, '[0-9]{15,16}') THEN make_timestamp(field::BIGINT)
    WHEN regexp_full_match(field, '[0-9]{18,19}') THEN make_timestamp(field::HUGEINT::BIGINT // 1000)
END

-- define_refusal --
-- Why a row is not taken: the canonical column, the reason, and what stood there.
CREATE TEMP MACRO refusal(field, reason, value) AS
{'field': field, 'reason': reason, 'value': left(value, 80)}

-- define_outcome --
-- The words for success are one word; whatever else is said of a call is a failure by that name.
CREATE TEMP MACRO outcome(text) AS
CASE
    WHEN lower(text) IN ('ok', 'success', 'successful', 'succeeded', 'complete', 'completed', '200', 'true') THEN 'ok' ELSE text
END

-- define_sent --
-- What was sent, as a number that is the same for the same text. What stands for a prompt that was not logged is none: nothing,
-- an empty object or array, a mere number, and what LiteLLM writes in its place.
CREATE TEMP MACRO sent(instructions, prompt) AS
CASE
    WHEN regexp_full_match(prompt, '\s*(\{\}|\[\]|""|null|None|[0-9.]*)\s*') OR contains(prompt, 'redacted-by-litellm') THEN NULL
    ELSE md5_number_upper(coalesce(nullif(instructions, '') || chr(10), '') || prompt)
END

-- define_table_texts --
-- The fields at some positions of a row of a table.
CREATE TEMP MACRO texts_at(body, places) AS list_transform(places, lambda position: body[position])

-- define_object_texts --
-- The members at some places of an object (RFC 6901).
CREATE TEMP MACRO texts_at(body, places) AS json_extract_string(body, places::VARCHAR[])

-- define_table_fault --
-- Why a row of a table cannot be read at all.
CREATE TEMP MACRO fault(body, problem) AS
CASE
    WHEN problem IS NOT NULL THEN problem
    WHEN len(body) <> getvariable('field_count')
        THEN format('{} fields, the header has {}', len(body), getvariable('field_count'))
END

-- define_object_fault --
-- Why an object cannot be read at all.
CREATE TEMP MACRO fault(body, problem) AS problem

-- define_mapped_call --
-- The columns of a file that somebody, or their names, have told to be these.
CREATE TEMP VIEW call AS
SELECT
    line, place, 1 AS part, body, problem, false AS passed, NULL::VARCHAR AS identity,
    fields[positions.at] AS at_text, fields[positions.input_tokens] AS input_text,
    fields[positions.output_tokens] AS output_text, fields[positions.latency_ms] AS latency_text,
    fields[positions.cost_usd] AS cost_text, fields[positions.cached_input_tokens] AS cached_text,
    fields[positions.requests] AS requests_text, fields[positions.model] AS model, fields[positions.user] AS person,
    fields[positions.feature] AS feature, fields[positions.session] AS session, fields[positions.status] AS status,
    fields[positions.instructions] AS instructions, fields[positions.prompt] AS prompt
FROM (SELECT *, texts_at(body, getvariable('mapped')) AS fields, getvariable('positions') AS positions FROM record)

-- define_typed --
-- Every call with its canonical columns, the texts that are wanted beside them, and the first reason not to take it.
CREATE TEMP VIEW typed AS
SELECT
    whole(input_text) AS input_tokens,
    whole(output_text) AS output_tokens,
    measure(latency_text) AS latency_ms,
    measure(cost_text) AS cost_usd,
    whole(cached_text) AS cached_input_tokens,
    coalesce(whole(requests_text), 1) AS requests,
    instant(at_text) AS moment,
    at_text IS NOT NULL AND NOT regexp_matches(at_text, ':.*(Z|UTC|[+-][0-9:]+)$|^[0-9.]+$') AS zoneless,
    model, person, feature, session, status, line, place, part, identity, passed, sent(instructions, prompt) AS prompt, texts,
    CASE
        WHEN passed THEN NULL
        WHEN fault IS NOT NULL THEN refusal('row', fault, NULL)
        WHEN input_text IS NULL THEN refusal('input_tokens', 'no value', NULL)
        WHEN output_text IS NULL THEN refusal('output_tokens', 'no value', NULL)
        WHEN whole(input_text) IS NULL THEN refusal('input_tokens', 'not a whole number, zero or more', input_text)
        WHEN whole(output_text) IS NULL THEN refusal('output_tokens', 'not a whole number, zero or more', output_text)
        WHEN at_text IS NOT NULL AND coalesce(instant(at_text) NOT BETWEEN '1970-01-01' AND '2199-12-31', true)
            THEN refusal('at', 'not a date and time between 1970 and 2199', at_text)
        WHEN latency_text IS NOT NULL AND measure(latency_text) IS NULL
            THEN refusal('latency_ms', 'not a number of milliseconds', latency_text)
        WHEN cost_text IS NOT NULL AND measure(cost_text) IS NULL
            THEN refusal('cost_usd', 'not an amount of dollars', cost_text)
        WHEN cached_text IS NOT NULL AND whole(cached_text) IS NULL
            THEN refusal('cached_input_tokens', 'not a whole number, zero or more', cached_text)
        WHEN requests_text IS NOT NULL AND coalesce(whole(requests_text), 0) = 0
            THEN refusal('requests', 'not a whole number, one or more', requests_text)
    END AS problem
FROM (
    SELECT
        line, place, part, identity, passed, instructions, prompt, fault(body, problem) AS fault,
        list_transform(
            getvariable('picked'),
            lambda number: list_concat([prompt, cached_text], texts_at(body, getvariable('texts')))[number]
        ) AS texts,
        number_text(input_text) AS input_text,
        number_text(output_text) AS output_text,
        number_text(at_text) AS at_text,
        number_text(latency_text) AS latency_text,
        number_text(cost_text) AS cost_text,
        number_text(cached_text) AS cached_text,
        number_text(requests_text) AS requests_text,
        nullif(trim(model), '') AS model,
        nullif(trim(person), '') AS person,
        nullif(trim(feature), '') AS feature,
        nullif(trim(session), '') AS session,
        outcome(nullif(trim(status), '')) AS status
    FROM call
)

-- define_kept --
-- Every call of the file, those that stand twice told apart: of one identity the last counts.
CREATE TEMP VIEW kept AS
SELECT
    * EXCLUDE (identity),
    identity IS NOT NULL AND NOT passed AND problem IS NULL
        AND row_number() OVER (
            PARTITION BY identity, passed OR problem IS NOT NULL ORDER BY place DESC, part DESC
        ) > 1 AS repeated
FROM read_parquet(getvariable('checked'))

-- define_all_kept --
-- The same where calls have no identity.
CREATE TEMP VIEW kept AS SELECT * EXCLUDE (identity), false AS repeated FROM read_parquet(getvariable('checked'))

-- write_checked --
-- Keep every call of a piece, taken or not, on disk rather than in memory.
COPY (SELECT * EXCLUDE (texts) FROM typed ORDER BY place, part) TO $target (FORMAT parquet, COMPRESSION zstd)

-- define_taken --
-- The rows of the canonical file.
CREATE TEMP VIEW taken AS
SELECT
    moment AS at, input_tokens, output_tokens, model, person AS user, feature, latency_ms, cost_usd, cached_input_tokens,
    session, status, requests, line, prompt, place, part
FROM kept WHERE problem IS NULL AND NOT passed AND NOT repeated

-- write_rows --
-- Write them as they come: in the order of the pieces, which is that of the lines.
COPY (SELECT * EXCLUDE (place, part) FROM taken) TO $target (FORMAT parquet, COMPRESSION zstd)

-- write_ordered_rows --
-- The same where looking for repeated calls has mixed up their order.
COPY (SELECT * EXCLUDE (place, part) FROM taken ORDER BY place, part) TO $target (FORMAT parquet, COMPRESSION zstd)

-- write_texts --
-- The rows of a piece that can be taken, with the texts that are wanted.
COPY (
    SELECT
        moment AS at, input_tokens, output_tokens, model, person AS user, feature, latency_ms, cost_usd,
        cached_input_tokens, session, status, requests, line, texts
    FROM typed WHERE problem IS NULL AND NOT passed ORDER BY place, part
) TO $target (FORMAT parquet, COMPRESSION zstd)

-- count --
-- What was taken and what was not.
SELECT
    count(*) FILTER (taken), count(*) FILTER (problem IS NOT NULL), count(*) FILTER (passed), count(*) FILTER (repeated),
    count(*) FILTER (taken AND zoneless), count(*) FILTER (taken AND moment IS NULL), sum(requests) FILTER (taken),
    min(moment) FILTER (taken), max(moment) FILTER (taken)
FROM (SELECT *, problem IS NULL AND NOT passed AND NOT repeated AS taken FROM kept)

-- list_problems --
-- The first rows that were not taken.
SELECT line, problem.field, problem.reason, problem.value
FROM kept WHERE problem IS NOT NULL ORDER BY place, part LIMIT $limit
