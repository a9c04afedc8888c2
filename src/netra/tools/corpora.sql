-- take_turn --
-- Changes to the corpora of one user take turns, so that each counts what those before it have left.
SELECT pg_advisory_xact_lock(hashtextextended('corpora/' || %(user_id)s::text, 0))

-- languages --
-- The text-search configurations that come with PostgreSQL.
SELECT cfgname::text FROM pg_ts_config WHERE cfgnamespace = 'pg_catalog'::regnamespace ORDER BY cfgname

-- add_corpus --
-- Add a corpus if there is room for one more and none of that name; says how many there are, and whether it was added.
WITH added AS (
    INSERT INTO corpus (user_id, id, name, description, language)
    SELECT %(user_id)s, %(id)s, %(name)s, %(description)s, %(language)s::regconfig
    WHERE (SELECT count(*) FROM corpus WHERE user_id = %(user_id)s) < %(most)s
    ON CONFLICT (user_id, name) DO NOTHING
    RETURNING id
)
SELECT (SELECT count(*) FROM corpus WHERE user_id = %(user_id)s), EXISTS (SELECT FROM added)

-- find_corpus --
-- A corpus by the name that its owner gave it, with what it holds.
SELECT c.id, c.name, c.description, c.language::text AS language, c.created_at, c.updated_at, held.documents, held.bytes
FROM corpus c CROSS JOIN LATERAL (
    SELECT count(*) AS documents, coalesce(sum(octet_length(body)), 0)::bigint AS bytes
    FROM document d WHERE d.user_id = c.user_id AND d.corpus_id = c.id
) AS held
WHERE c.user_id = %(user_id)s AND c.name = %(name)s

-- list_corpora --
-- The corpora of a user in the order of their names, from after one on.
SELECT c.id, c.name, c.description, c.language::text AS language, c.created_at, c.updated_at, held.documents, held.bytes
FROM corpus c CROSS JOIN LATERAL (
    SELECT count(*) AS documents, coalesce(sum(octet_length(body)), 0)::bigint AS bytes
    FROM document d WHERE d.user_id = c.user_id AND d.corpus_id = c.id
) AS held
WHERE c.user_id = %(user_id)s AND c.name > %(after)s
ORDER BY c.name LIMIT %(limit)s

-- change_corpus --
-- Give a corpus another name or description, where there is one, and note that it changed. No row: the name is taken.
UPDATE corpus SET name = coalesce(%(name)s::text, name), description = coalesce(%(description)s::text, description),
                  updated_at = now()
WHERE user_id = %(user_id)s AND id = %(id)s
  AND NOT EXISTS (SELECT FROM corpus WHERE user_id = %(user_id)s AND name = %(name)s::text AND id <> %(id)s)
RETURNING name

-- delete_corpus --
-- Forget a corpus and all of its documents.
DELETE FROM corpus WHERE user_id = %(user_id)s AND id = %(id)s

-- put_documents --
-- Add documents, or replace those that have their ids.
INSERT INTO document (user_id, corpus_id, id, title, body, metadata, language)
SELECT %(user_id)s, c.id, new.id, new.title, new.body, new.metadata, c.language
FROM corpus c, unnest(%(ids)s::text[], %(titles)s::text[], %(bodies)s::text[], %(metadata)s::jsonb[])
    AS new (id, title, body, metadata)
WHERE c.user_id = %(user_id)s AND c.id = %(corpus_id)s
ON CONFLICT (user_id, corpus_id, id) DO UPDATE
SET title = excluded.title, body = excluded.body, metadata = excluded.metadata, updated_at = now()

-- remove_documents --
-- Forget documents; names those that there were.
DELETE FROM document WHERE user_id = %(user_id)s AND corpus_id = %(corpus_id)s AND id = ANY (%(ids)s::text[]) RETURNING id

-- count_documents --
-- How many documents a corpus holds.
SELECT count(*) FROM document WHERE user_id = %(user_id)s AND corpus_id = %(corpus_id)s

-- list_documents --
-- The documents of a corpus in the order of their ids, from after one on, each with its beginning.
SELECT id, title, metadata, octet_length(body) AS bytes, left(body, %(beginning)s) AS beginning, created_at, updated_at
FROM document WHERE user_id = %(user_id)s AND corpus_id = %(corpus_id)s AND id > %(after)s
ORDER BY id LIMIT %(limit)s

-- read_document --
-- A part of a document's text, in characters.
SELECT id, title, metadata, octet_length(body) AS bytes, char_length(body) AS characters,
       substr(body, %(offset)s::int + 1, %(length)s::int) AS text, created_at, updated_at
FROM document WHERE user_id = %(user_id)s AND corpus_id = %(corpus_id)s AND id = %(id)s

-- read_queries --
-- What a query asks for in each of the corpora, by that corpus's language; no nodes: it holds only words that are passed over.
SELECT name, numnode(websearch_to_tsquery(language, %(query)s)) AS nodes, websearch_to_tsquery(language, %(query)s)::text AS read
FROM corpus WHERE user_id = %(user_id)s AND (%(name)s::text IS NULL OR name = %(name)s) ORDER BY name

-- search --
-- Documents that a query finds, the best first, with how many there are in all. One row, without a document, when none is shown.
WITH asked AS MATERIALIZED (
    SELECT id, name, language, websearch_to_tsquery(language, %(query)s) AS query
    FROM corpus WHERE user_id = %(user_id)s AND (%(name)s::text IS NULL OR name = %(name)s)
), found AS MATERIALIZED (
    SELECT a.id AS corpus_id, a.name, d.id, ts_rank_cd(d.words, a.query, 1) AS rank
    FROM asked a JOIN document d ON d.user_id = %(user_id)s AND d.corpus_id = a.id AND d.words @@ a.query
), shown AS MATERIALIZED (
    SELECT * FROM found ORDER BY rank DESC, name, id LIMIT %(limit)s OFFSET %(offset)s
)
SELECT (SELECT count(*) FROM found) AS total, s.name AS corpus, s.id AS document, d.title, d.metadata, s.rank,
       ts_headline(a.language, translate(d.body, %(marks)s, ''), a.query, %(options)s) AS snippet
FROM (SELECT) AS once
LEFT JOIN shown s ON true
LEFT JOIN asked a ON a.id = s.corpus_id
LEFT JOIN document d ON d.user_id = %(user_id)s AND d.corpus_id = s.corpus_id AND d.id = s.id
ORDER BY s.rank DESC, s.name, s.id
