"""What a database of our own holds: the rows of each user, searched for marks of others, and where runs stand. Blocking."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

OWNED: Final = """
SELECT c.table_name, c.column_name, c.data_type
FROM information_schema.columns AS c
WHERE c.table_schema = 'public' AND EXISTS (
    SELECT FROM information_schema.columns AS o
    WHERE o.table_schema = 'public' AND o.table_name = c.table_name AND o.column_name = 'user_id'
)
ORDER BY c.table_name, c.ordinal_position
"""
"""The columns of every table whose rows belong to users."""


@dataclass(frozen=True, slots=True)
class MarkedRow:
    """A row in which a mark stands."""

    table: str
    owner: str
    """The id of the user whose row it is; empty: nobody's."""
    text: str


STANDING: Final = """
SELECT run.id::text, concat_ws(', ',
    run.state, 'attempt ' || run.attempt, 'dispatch ' || run.dispatches,
    CASE WHEN run.turn THEN 'its turn' ELSE 'in line' END,
    coalesce('lane ' || run.lane, 'no lane'),
    coalesce(job.words, 'no job'),
    coalesce('its lock is held by ' || lock.words, 'its lock is free')
)
FROM run LEFT JOIN LATERAL (
    SELECT string_agg(concat_ws(', ',
        'job ' || each.status || ' of dispatch ' || (each.args ->> 'dispatch'),
        'with worker ' || each.worker_id,
        'heard of ' || extract(epoch FROM now() - worker.last_heartbeat)::int || ' s ago'
    ), ', ') AS words
    FROM procrastinate_jobs AS each LEFT JOIN procrastinate_workers AS worker ON worker.id = each.worker_id
    WHERE each.args ->> 'run_id' = run.id::text
) AS job ON true LEFT JOIN LATERAL (
    SELECT string_agg(concat_ws(', ',
        'a session that is ' || session.state,
        'in a transaction of ' || extract(epoch FROM clock_timestamp() - session.xact_start)::int || ' s',
        'waiting for ' || session.wait_event
    ), ' and ') AS words
    FROM pg_locks AS held JOIN pg_stat_activity AS session USING (pid)
    WHERE held.locktype = 'advisory' AND held.granted AND held.database = session.datid
      AND (held.classid::bigint << 32 | held.objid::bigint) = hashtextextended('runs/' || run.user_id, 0)
) AS lock ON true
WHERE run.finished_at IS NULL
"""
"""Where each run stands that has not ended: with what the queue has of it, and who is in its way."""


def standings(url: str) -> dict[str, str]:
    """Where each run stands that has not ended, in words; `url` is that of somebody who may read all of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        return dict(connection.execute(STANDING).fetchall())


def marked_rows(url: str) -> Iterator[MarkedRow]:
    """Every row that holds a mark; `url` is that of somebody who may read all of them."""
    with psycopg.connect(url, autocommit=True) as connection:
        columns: dict[str, list[sql.Composable]] = {}
        for table, column, kind in connection.execute(OWNED).fetchall():
            name = sql.Identifier(column)
            # Bytes as text, so that what is stored packed is searched, too.
            shown = sql.SQL("encode({}, 'escape')") if kind == "bytea" else sql.SQL("{}::text")
            columns.setdefault(table, []).append(shown.format(name))
        for table, parts in columns.items():
            text = sql.SQL("concat_ws(' ', {})").format(sql.SQL(", ").join(parts))
            query = sql.SQL("SELECT user_id, shown FROM (SELECT user_id, {} AS shown FROM {}) AS t WHERE shown LIKE '%mark-%'")
            for owner, shown_text in connection.execute(query.format(text, sql.Identifier(table))):
                yield MarkedRow(table, str(owner or ""), shown_text)
