"""`netra.guard.members.placeholders`: statements that are given more or fewer values than they have places for."""

import pytest

from netra.guard.members.placeholders import values_to_count
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("driver", "given", "found"),
    [
        ("psycopg", '"SELECT %s, %s", (1,)', [(1, 2)]),
        ("psycopg", '"SELECT %s, %s", (1, 2)', []),
        ("psycopg", "f\"SELECT a FROM t WHERE b = '{b}'\", (1,)", [(1, 0)]),
        ("psycopg", 'f"SELECT a FROM t WHERE {b}", (1,)', []),
        ("psycopg", '"SELECT a->? , %s", (1, 2)', []),
        ("sqlite3", '"SELECT ?, ?", [1]', [(1, 2)]),
        ("sqlite3", "\"SELECT '?', ?\", (1,)", []),
        ("sqlite3", f'"SELECT ?{" " * 200}, ?", (1,)', []),
        ("os", '"SELECT ?, ?", (1,)', []),
    ],
)
def test_a_statement_has_as_many_places_as_it_is_given_values(driver: str, given: str, found: list[tuple[int, int]]) -> None:
    text = f"""
        import {driver}
        def ask(cursor, b):
            cursor.execute({given})
        """
    assert [(each.given, each.places) for each in values_to_count(analysed(text))] == found
