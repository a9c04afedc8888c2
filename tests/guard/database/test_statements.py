from netra.guard.database.statements import Statements
from tests.guard.programs import analysed, function

TEXTS = """
from textwrap import dedent

from sqlalchemy import text as plain

COLUMNS = "id, name"


def texts(name, order):
    a = plain(f"SELECT {COLUMNS} FROM person WHERE name = '{name}'")
    b = "SELECT 1 WHERE x = '%s' AND y = %d AND z = '%%'" % (name, 3)
    c = "SELECT 1 WHERE x = '{}' AND y = {y!r} AND z = {{}}".format(name, y=order)
    d = "SELECT 1"
    d += " WHERE name = " + name
    clauses = ["age > 3"]
    clauses.append(f"name = '{name}'")
    e = dedent("SELECT 1 WHERE ").strip() + " AND ".join(clauses)
    f = compiled(name)
"""


def test_a_statement_says_what_is_written_down_however_it_is_put_together() -> None:
    analysis = analysed(TEXTS)
    scope = function(analysis.program, "example.texts")
    statements = Statements(analysis)
    assert {name: statements.written(("name", name), scope) for name in "abcdef"} == {
        "a": "SELECT id, name FROM person WHERE name = '?'",
        "b": "SELECT 1 WHERE x = '?' AND y = ? AND z = '%%'",
        "c": "SELECT 1 WHERE x = '?' AND y = ? AND z = {{}}",
        "d": "SELECT 1 WHERE name = ?",
        "e": "SELECT 1 WHERE age > 3 AND name = '?'",
        "f": "",
    }


def test_what_is_filled_in_is_known_with_the_line_that_does_it() -> None:
    analysis = analysed(TEXTS)
    scope = function(analysis.program, "example.texts")
    parts = Statements(analysis).parts(("name", "d"), scope)
    lines = TEXTS.splitlines()
    added = next(number for number, line in enumerate(lines, 1) if "d +=" in line)
    assert [(each.value, each.line) for each in parts if each.value is not None] == [(("name", "name"), added)]


def test_a_statement_that_is_made_of_itself_has_an_end() -> None:
    analysis = analysed("def f(): \n    a = a + 'x'")
    scope = function(analysis.program, "example.f")
    assert Statements(analysis).written(("name", "a"), scope).endswith("x")


def test_an_alias_of_text_wraps_and_another_function_does_not() -> None:
    analysis = analysed(TEXTS)
    scope = function(analysis.program, "example.texts")
    statements = Statements(analysis)
    assert statements.is_wrapping(("name", "plain"), scope)
    assert not statements.is_wrapping(("name", "compiled"), scope)
