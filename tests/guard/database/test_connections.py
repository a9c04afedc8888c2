from netra.guard.database.connections import Connections, is_migration, runs_for_itself
from netra.guard.facts import Expression
from tests.guard.programs import analysed, function

OPENING = """
import sqlite3

import asyncpg
from sqlalchemy.orm import Session, scoped_session, sessionmaker

factory = sessionmaker()
registry = scoped_session(factory)
alias = factory


class People(Session): ...


class Store:
    def __init__(self, factory: sessionmaker):
        self.make = factory
        self.kept = factory()

    def current(self):
        return self.kept

    def fresh(self):
        return self.make()


def opened():
    connection = sqlite3.connect("x")
    connection.execute("PRAGMA x")
    return connection


async def acquired(pool: asyncpg.Pool):
    return await pool.acquire()


def main(store: Store):
    a = factory()
    b = registry()
    c = alias()
    d = store.current()
    e = store.fresh()
    f = opened()
    g = People()
"""


def test_what_is_new_is_told_from_what_a_registry_or_a_getter_hands_out() -> None:
    analysis = analysed(OPENING)
    connections = Connections(analysis)
    main = function(analysis.program, "example.main")
    new = {each.target[1] for each in main.facts.assignments if connections.opened(each.value[1], main) is not None}
    assert new == {"a", "c", "e", "f", "g"}


def test_every_call_that_opens_is_found_under_whatever_name() -> None:
    found = {each.call.callee[-1] for each in Connections(analysed(OPENING)).openings}
    assert found == {"factory", "alias", "fresh", "opened", "People", "make", "connect", "acquire"} - {"People"}


def test_where_a_name_goes_decides_who_closes_it() -> None:
    analysis = analysed(
        """
        def close(c):
            c.close()

        def keep(c):
            kept.append(c)

        def look(c):
            c.execute("SELECT 1")
            print(c)

        def closing_one(c): close(c)
        def keeping(c): keep(c)
        def looking(c): look(c)
        def returning(c): return c
        def storing(self, c): self.c = c
        def unknown(c): somebody(c)
        def enclosing(c):
            def inner(): c.execute("SELECT 1")
        def calling_back(stack, c): stack.callback(c.close)
        """
    )
    connections = Connections(analysis)

    def kept(name: str) -> bool:
        return connections.is_kept(function(analysis.program, f"example.{name}"), "c")

    kept_by = {"keeping", "returning", "storing", "unknown", "enclosing", "calling_back"}
    every = kept_by | {"closing_one", "looking"}
    assert {name for name in every if kept(name)} == kept_by
    closing_one = function(analysis.program, "example.closing_one")
    assert connections.taken(closing_one, 0, 0) == "closed"


def test_a_session_is_known_by_its_annotation() -> None:
    analysis = analysed("from sqlalchemy.orm import Session\ndef f(session: Session, other: str): ...\n")
    scope = function(analysis.program, "example.f")
    name: Expression = ("name", "session")
    assert Connections(analysis).held(name, scope) == "sqlalchemy.orm.Session"
    assert Connections(analysis).held(("name", "other"), scope) is None


def test_a_migration_and_a_command_run_for_themselves() -> None:
    analysis = analysed(
        {
            "a.py": "down_revision = None\ndef upgrade(): ...\n",
            "b.py": "app = 1\n@app.command()\ndef report(): work()\ndef work(): ...\n@app.get('/')\ndef serve(): ...\n",
        }
    )
    named = {name: function(analysis.program, name) for name in ("a.upgrade", "b.work", "b.serve")}
    assert is_migration(named["a.upgrade"].module)
    assert [name for name, scope in named.items() if runs_for_itself(analysis, scope)] == ["a.upgrade", "b.work"]


def test_what_a_loop_goes_over_is_for_the_loop_to_close() -> None:
    analysis = analysed("def f():\n    a = make()\n    b = make()\n    for each in (a,): each.close()\n    print(b)\n")
    scope = function(analysis.program, "example.f")
    assert [Connections(analysis).is_kept(scope, name) for name in "ab"] == [True, False]
