-- define_line --
-- Every line of a piece of the text with its number, blank ones too: a line that no later step takes cannot vanish unseen.
CREATE TEMP VIEW line AS
SELECT getvariable('lines_before') + row_number() OVER () AS number, coalesce(text, '') AS text
FROM read_csv(
    getvariable('text_path'),
    -- One column that nothing can split. DuckDB's own CSV reader is not asked to judge rows: where it skips a bad one it
    -- has also lost good ones after it, and it counts lines otherwise than an editor does.
    columns = {'text': 'VARCHAR'}, auto_detect = false, header = false, strict_mode = false,
    delim = getvariable('no_delimiter'), quote = '', escape = '', comment = '', new_line = '\n',
    max_line_size = getvariable('longest_line'), buffer_size = getvariable('longest_line')
)

-- define_plain_record --
-- A CSV file without a single quotation mark: a record is a line, a field is what stands between two delimiters.
CREATE TEMP VIEW record AS
SELECT number AS line, string_split(text, getvariable('delimiter')) AS fields, NULL::VARCHAR AS problem
FROM line
WHERE number > getvariable('header_lines') AND trim(text) <> ''

-- define_part --
-- A CSV file with quotation marks: whether a line begins inside a quoted value, and at which line its record began.
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
-- The records of a quoted CSV file. Where joining lines does not make one, a stray mark is at fault, and each line stands alone.
CREATE TEMP VIEW record AS
SELECT
    line,
    CASE
        WHEN NOT contains(text, '"') THEN string_split(text, getvariable('delimiter'))
        ELSE list_transform(
            regexp_extract_all(text || getvariable('delimiter'), getvariable('field_pattern'), 1),
            lambda field: CASE
                WHEN starts_with(ltrim(field), '"') THEN replace(trim(field)[2:-2], '""', '"')
                ELSE field
            END
        )
    END AS fields,
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

-- define_json_record --
-- One JSON object a line; its fields are the values at the mapped paths.
CREATE TEMP VIEW record AS
SELECT
    number AS line,
    CASE WHEN object THEN json_extract_string(text, getvariable('pointers')) END AS fields,
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

-- define_typed --
-- Every record with its canonical columns, the texts that are wanted beside them, and the first reason not to take it.
CREATE TEMP VIEW typed AS
SELECT
    whole(input_text) AS input_tokens,
    whole(output_text) AS output_tokens,
    measure(latency_text) AS latency_ms,
    measure(cost_text) AS cost_usd,
    instant(at_text) AS moment,
    at_text IS NOT NULL AND NOT regexp_matches(at_text, ':.*(Z|UTC|[+-][0-9:]+)$|^[0-9.]+$') AS zoneless,
    model, person, feature, line, texts,
    CASE
        WHEN problem IS NOT NULL THEN refusal('row', problem, NULL)
        WHEN len(fields) <> getvariable('field_count')
            THEN refusal('row', format('{} fields, the header has {}', len(fields), getvariable('field_count')), NULL)
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
    END AS problem
FROM (
    SELECT
        line, problem, fields, list_transform(getvariable('texts'), lambda position: fields[position]) AS texts,
        number_text(fields[getvariable('positions').input_tokens]) AS input_text,
        number_text(fields[getvariable('positions').output_tokens]) AS output_text,
        number_text(fields[getvariable('positions').at]) AS at_text,
        number_text(fields[getvariable('positions').latency_ms]) AS latency_text,
        number_text(fields[getvariable('positions').cost_usd]) AS cost_text,
        nullif(trim(fields[getvariable('positions').model]), '') AS model,
        nullif(trim(fields[getvariable('positions').user]), '') AS person,
        nullif(trim(fields[getvariable('positions').feature]), '') AS feature
    FROM record
)

-- write_checked --
-- Keep every record of a piece, taken or not, on disk rather than in memory.
COPY (SELECT * EXCLUDE (texts) FROM typed ORDER BY line) TO $target (FORMAT parquet, COMPRESSION zstd)

-- write_rows --
-- The canonical file: the rows that were taken, in the order of their lines, which is that of the pieces.
COPY (
    SELECT moment AS at, input_tokens, output_tokens, model, person AS user, feature, latency_ms, cost_usd, line
    FROM read_parquet($checked) WHERE problem IS NULL
) TO $target (FORMAT parquet, COMPRESSION zstd)

-- write_texts --
-- The rows of a piece that can be taken, with the texts that are wanted.
COPY (
    SELECT
        moment AS at, input_tokens, output_tokens, model, person AS user, feature, latency_ms, cost_usd, line, texts
    FROM typed WHERE problem IS NULL ORDER BY line
) TO $target (FORMAT parquet, COMPRESSION zstd)

-- count --
-- What was taken and what was not.
SELECT
    count(*) FILTER (problem IS NULL), count(*) FILTER (problem IS NOT NULL),
    count(*) FILTER (problem IS NULL AND zoneless), count(*) FILTER (problem IS NULL AND moment IS NULL),
    min(moment) FILTER (problem IS NULL), max(moment) FILTER (problem IS NULL)
FROM read_parquet($checked)

-- list_problems --
-- The first rows that were not taken.
SELECT line, problem.field, problem.reason, problem.value
FROM read_parquet($checked) WHERE problem IS NOT NULL ORDER BY line LIMIT $limit
