"""What a database of our own holds of each user: its rows by owner, searched for marks of others. Blocking."""

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
