-- define_table_value --
-- In a table, the field of the column that is called so.
CREATE TEMP MACRO value(body, name) AS nullif(trim(body[list_position(getvariable('columns'), name)]), '')

-- define_object_value --
-- In an object, the member at the place, whose names are joined by dots.
CREATE TEMP MACRO value(body, name) AS nullif(trim(json_extract_string(body, '$.' || name)), '')

-- define_total --
-- The sum of whole numbers, those that are missing left out; the first text that is none, where there is one, so that it is refused.
CREATE TEMP MACRO total(texts) AS
CASE
    WHEN len(list_filter(texts, lambda text: text IS NOT NULL AND whole(text) IS NULL)) > 0
        THEN list_filter(texts, lambda text: text IS NOT NULL AND whole(text) IS NULL)[1]
    ELSE list_sum(list_transform(texts, lambda text: whole(text)))::HUGEINT::VARCHAR
END

-- define_milliseconds --
-- Seconds as milliseconds; what is no number stays what it is, and is refused.
CREATE TEMP MACRO milliseconds(text) AS
CASE WHEN measure(text) IS NULL THEN text ELSE (measure(text) * 1000)::VARCHAR END

-- define_passed_time --
-- Milliseconds from one moment to a later one; NULL where one of them is missing, or they stand the other way round.
CREATE TEMP MACRO passed_time(begins, ends) AS
CASE WHEN instant(ends) >= instant(begins) THEN (date_diff('microsecond', instant(begins), instant(ends)) / 1000)::VARCHAR END

-- define_kinds --
-- The amounts of a usage by kind whose name has the word in it.
CREATE TEMP MACRO kinds(usage, word) AS
list_transform(list_filter(map_entries(usage), lambda each: contains(each.key, word)), lambda each: each.value)

-- define_litellm_call --
-- Spend logs of a LiteLLM proxy, as its interface answers or as its table is dumped.
CREATE TEMP VIEW call AS
SELECT
    line, place, 1 AS part, body, problem, false AS passed,
    value(body, 'request_id') AS identity,
    value(body, 'startTime') AS at_text,
    value(body, 'prompt_tokens') AS input_text,
    value(body, 'completion_tokens') AS output_text,
    passed_time(value(body, 'startTime'), value(body, 'endTime')) AS latency_text,
    value(body, 'spend') AS cost_text,
    json_extract_string(
        try_cast(value(body, 'metadata') AS JSON), '$.usage_object.prompt_tokens_details.cached_tokens'
    ) AS cached_text,
    NULL::VARCHAR AS requests_text,
    coalesce(value(body, 'model'), value(body, 'model_group')) AS model,
    coalesce(value(body, 'end_user'), value(body, 'user')) AS person,
    coalesce(
        json_extract_string(try_cast(value(body, 'metadata') AS JSON), '$.user_api_key_alias'), value(body, 'team_id')
    ) AS feature,
    value(body, 'session_id') AS session,
    CASE value(body, 'status') WHEN 'success' THEN 'ok' WHEN 'failure' THEN 'failed' ELSE value(body, 'status') END AS status,
    NULL::VARCHAR AS instructions, value(body, 'messages') AS prompt
FROM record

-- define_langfuse_call --
-- Observations that Langfuse exports. Its own rule for sums: every kind of usage that has `input` in its name is input.
CREATE TEMP VIEW call AS
SELECT
    line, place, 1 AS part, body, problem,
    coalesce(value(body, 'type') NOT IN ('GENERATION', 'EMBEDDING'), false) AS passed,
    value(body, 'id') AS identity,
    value(body, 'startTime') AS at_text,
    coalesce(
        total(kinds(usage, 'input')),
        value(body, 'inputUsage'), value(body, 'usage.input'), value(body, 'usage.promptTokens'), value(body, 'promptTokens'),
        CASE value(body, 'level') WHEN 'ERROR' THEN '0' END
    ) AS input_text,
    coalesce(
        total(kinds(usage, 'output')),
        value(body, 'outputUsage'), value(body, 'usage.output'), value(body, 'usage.completionTokens'),
        value(body, 'completionTokens'),
        CASE WHEN value(body, 'level') = 'ERROR' OR value(body, 'type') = 'EMBEDDING' THEN '0' END
    ) AS output_text,
    coalesce(
        milliseconds(value(body, 'latency')), passed_time(value(body, 'startTime'), value(body, 'endTime'))
    ) AS latency_text,
    coalesce(
        json_extract_string(try_cast(value(body, 'costDetails') AS JSON), '$.total'),
        value(body, 'totalCost'), value(body, 'calculatedTotalCost')
    ) AS cost_text,
    coalesce(usage['input_cached_tokens'], usage['cache_read_input_tokens'], usage['input_cache_read']) AS cached_text,
    NULL::VARCHAR AS requests_text,
    coalesce(value(body, 'model'), value(body, 'providedModelName')) AS model,
    value(body, 'userId') AS person,
    coalesce(value(body, 'traceName'), value(body, 'name')) AS feature,
    coalesce(value(body, 'sessionId'), value(body, 'traceId')) AS session,
    CASE value(body, 'level') WHEN 'ERROR' THEN coalesce(value(body, 'statusMessage'), 'failed') ELSE 'ok' END AS status,
    NULL::VARCHAR AS instructions, value(body, 'input') AS prompt
FROM (SELECT *, try_cast(try_cast(value(body, 'usageDetails') AS JSON) AS MAP(VARCHAR, VARCHAR)) AS usage FROM record)

-- define_openai_table_call --
-- The usage of an organisation that OpenAI's dashboard exports: a row is what one key used of one model in a span of time.
CREATE TEMP VIEW call AS
SELECT
    line, place, 1 AS part, body, problem, false AS passed, NULL::VARCHAR AS identity,
    coalesce(value(body, 'start_time'), value(body, 'start_time_iso')) AS at_text,
    value(body, 'input_tokens') AS input_text,
    value(body, 'output_tokens') AS output_text,
    NULL::VARCHAR AS latency_text,
    NULL::VARCHAR AS cost_text,
    value(body, 'input_cached_tokens') AS cached_text,
    value(body, 'num_model_requests') AS requests_text,
    value(body, 'model') AS model,
    coalesce(value(body, 'user_email'), value(body, 'user_id')) AS person,
    coalesce(value(body, 'project_name'), value(body, 'project_id'), value(body, 'api_key_id')) AS feature,
    NULL::VARCHAR AS session, NULL::VARCHAR AS status,
    NULL::VARCHAR AS instructions, NULL::VARCHAR AS prompt
FROM record

-- define_openai_bucket_call --
-- The same as OpenAI's interface answers: buckets of time, each with the results of that time. Costs have no tokens.
CREATE TEMP VIEW call AS
SELECT
    line, place, part, body, problem,
    problem IS NULL AND value(body, 'object') IS DISTINCT FROM 'organization.usage.completions.result'
        AND value(body, 'object') IS DISTINCT FROM 'organization.usage.embeddings.result' AS passed,
    NULL::VARCHAR AS identity,
    at_text,
    value(body, 'input_tokens') AS input_text,
    coalesce(
        value(body, 'output_tokens'),
        CASE value(body, 'object') WHEN 'organization.usage.embeddings.result' THEN '0' END
    ) AS output_text,
    NULL::VARCHAR AS latency_text,
    NULL::VARCHAR AS cost_text,
    value(body, 'input_cached_tokens') AS cached_text,
    value(body, 'num_model_requests') AS requests_text,
    value(body, 'model') AS model,
    value(body, 'user_id') AS person,
    coalesce(value(body, 'project_id'), value(body, 'api_key_id')) AS feature,
    NULL::VARCHAR AS session, NULL::VARCHAR AS status,
    NULL::VARCHAR AS instructions, NULL::VARCHAR AS prompt
FROM (
    SELECT line, place, problem, at_text, unnest(results) AS body, generate_subscripts(results, 1) AS part
    FROM (
        SELECT
            line, place, problem, value(body, 'start_time') AS at_text,
            CASE WHEN problem IS NULL THEN json_extract(body, '$.results[*]') ELSE [NULL::JSON] END AS results
        FROM record
    )
)

-- define_claude_code_call --
-- Session logs of Claude Code. An answer stands in a line for each of its parts, all with one id, and the last has the whole usage.
CREATE TEMP VIEW call AS
SELECT
    line, place, 1 AS part, body, problem,
    problem IS NULL AND (
        value(body, 'type') IS DISTINCT FROM 'assistant' OR value(body, 'message.usage') IS NULL
        OR value(body, 'message.model') = '<synthetic>'
    ) AS passed,
    value(body, 'message.id') || ' ' || coalesce(value(body, 'requestId'), '') AS identity,
    value(body, 'timestamp') AS at_text,
    total([
        value(body, 'message.usage.input_tokens'), value(body, 'message.usage.cache_creation_input_tokens'),
        value(body, 'message.usage.cache_read_input_tokens')
    ]) AS input_text,
    value(body, 'message.usage.output_tokens') AS output_text,
    NULL::VARCHAR AS latency_text,
    value(body, 'costUSD') AS cost_text,
    value(body, 'message.usage.cache_read_input_tokens') AS cached_text,
    NULL::VARCHAR AS requests_text,
    value(body, 'message.model') AS model,
    NULL::VARCHAR AS person,
    regexp_extract(value(body, 'cwd'), '([^/\\]+)[/\\]*$', 1) AS feature,
    value(body, 'sessionId') AS session,
    CASE WHEN value(body, 'isApiErrorMessage') = 'true' THEN 'failed' ELSE 'ok' END AS status,
    NULL::VARCHAR AS instructions, NULL::VARCHAR AS prompt
FROM record

-- define_burstgpt_call --
-- The BurstGPT traces: seconds from the first midnight, and an answer of no tokens where a request failed.
CREATE TEMP VIEW call AS
SELECT
    line, place, 1 AS part, body, problem, false AS passed, NULL::VARCHAR AS identity,
    CASE
        WHEN measure(value(body, 'Timestamp')) < 4e9
            THEN make_timestamp((measure(value(body, 'Timestamp')) * 1000000)::BIGINT)::VARCHAR || 'Z'
        ELSE value(body, 'Timestamp')
    END AS at_text,
    value(body, 'Request tokens') AS input_text,
    value(body, 'Response tokens') AS output_text,
    milliseconds(value(body, 'Elapsed time')) AS latency_text,
    NULL::VARCHAR AS cost_text, NULL::VARCHAR AS cached_text, NULL::VARCHAR AS requests_text,
    value(body, 'Model') AS model,
    NULL::VARCHAR AS person,
    value(body, 'Log Type') AS feature,
    value(body, 'Session ID') AS session,
    CASE whole(value(body, 'Response tokens')) WHEN 0 THEN 'failed' ELSE 'ok' END AS status,
    NULL::VARCHAR AS instructions, NULL::VARCHAR AS prompt
FROM record

-- define_attributes --
-- The attributes of OTLP JSON, by name.
CREATE TEMP MACRO attributes(list) AS
map_from_entries(list_distinct(list_transform(
    list_filter(CAST(list AS JSON[]), lambda each: json_extract_string(each, '$.key') IS NOT NULL),
    lambda each: {
        'key': json_extract_string(each, '$.key'),
        'value': coalesce(
            json_extract_string(each, '$.value.stringValue'), json_extract_string(each, '$.value.intValue'),
            json_extract_string(each, '$.value.doubleValue'), json_extract_string(each, '$.value.arrayValue'),
            json_extract_string(each, '$.value.kvlistValue')
        )
    }
)))

-- define_numbered --
-- What instrumentations older than the conventions write of a prompt, an attribute for each part of a message, as one text in the
-- order of the messages; NULL where there is none.
CREATE TEMP MACRO numbered(facts, prefix) AS
array_to_string(
    list_transform(
        list_sort(
            list_transform(
                list_filter(map_entries(facts), lambda each: starts_with(each.key, prefix)),
                lambda each: {'place': lpad(split_part(each.key, '.', 3), 6, '0') || each.key, 'value': each.value}
            )
        ),
        lambda each: each.value
    ),
    chr(10)
)

-- define_otlp_call --
-- Spans of OpenTelemetry in OTLP JSON, by the conventions for generative AI. A span of an agent or a chain sums up the spans within
-- it, and one of a tool is no call of a model: only those of operations that call one are taken.
CREATE TEMP VIEW call AS
SELECT
    line, place, part, span AS body, problem,
    problem IS NULL AND (
        coalesce(facts['gen_ai.operation.name'], 'chat') NOT IN ('chat', 'text_completion', 'generate_content', 'embeddings')
        OR coalesce(facts['gen_ai.response.model'], facts['gen_ai.request.model'], facts['gen_ai.operation.name']) IS NULL
    ) AS passed,
    json_extract_string(span, '$.traceId') || json_extract_string(span, '$.spanId') AS identity,
    json_extract_string(span, '$.startTimeUnixNano') AS at_text,
    coalesce(
        facts['gen_ai.usage.input_tokens'], facts['gen_ai.usage.prompt_tokens'], CASE WHEN failed THEN '0' END
    ) AS input_text,
    coalesce(
        facts['gen_ai.usage.output_tokens'], facts['gen_ai.usage.completion_tokens'],
        CASE WHEN failed OR facts['gen_ai.operation.name'] = 'embeddings' THEN '0' END
    ) AS output_text,
    passed_time(json_extract_string(span, '$.startTimeUnixNano'), json_extract_string(span, '$.endTimeUnixNano'))
        AS latency_text,
    NULL::VARCHAR AS cost_text,
    coalesce(facts['gen_ai.usage.cache_read.input_tokens'], facts['gen_ai.usage.cached_tokens']) AS cached_text,
    NULL::VARCHAR AS requests_text,
    coalesce(facts['gen_ai.response.model'], facts['gen_ai.request.model']) AS model,
    coalesce(facts['user.id'], facts['enduser.id']) AS person,
    attributes(json_extract(resource, '$.resource.attributes'))['service.name'] AS feature,
    coalesce(facts['gen_ai.conversation.id'], facts['session.id'], json_extract_string(span, '$.traceId')) AS session,
    CASE WHEN failed THEN coalesce(facts['error.type'], 'failed') ELSE 'ok' END AS status,
    NULL::VARCHAR AS instructions,
    coalesce(nullif(facts['gen_ai.system_instructions'], '') || chr(10), '')
        || coalesce(facts['gen_ai.input.messages'], facts['gen_ai.prompt'], nullif(numbered(facts, 'gen_ai.prompt.'), ''))
        AS prompt
FROM (
    SELECT
        *, attributes(json_extract(span, '$.attributes')) AS facts,
        coalesce(json_extract_string(span, '$.status.code') IN ('2', 'STATUS_CODE_ERROR'), false) AS failed
    FROM (
        SELECT line, place, problem, resource, unnest(spans) AS span, generate_subscripts(spans, 1) + 100000 * batch AS part
        FROM (
            SELECT
                line, place, problem, resource, batch,
                CASE WHEN problem IS NULL THEN json_extract(resource, '$.scopeSpans[*].spans[*]') ELSE [NULL::JSON] END AS spans
            FROM (
                SELECT line, place, problem, unnest(resources) AS resource, generate_subscripts(resources, 1) AS batch
                FROM (
                    SELECT
                        line, place, problem,
                        CASE
                            WHEN problem IS NOT NULL THEN [NULL::JSON]
                            WHEN json_exists(body, '$.resourceSpans') THEN json_extract(body, '$.resourceSpans[*]')
                            ELSE [body::JSON]
                        END AS resources
                    FROM record
                )
            )
        )
    )
)
