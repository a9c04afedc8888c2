from netra.guard.database.transactions import (
    COMMITS,
    ELSEWHERE,
    EXECUTES,
    FLUSHES,
    HERE,
    UNKNOWN,
    WRITES,
    Tracked,
    Transactions,
)
from tests.guard.programs import analysed, function

SESSION = "sqlalchemy.orm.Session"


def effects(body: str, others: str = "") -> list[set[str]]:
    """What each call of a function does to its `session`."""
    analysis = analysed(f"{others}\ndef f(session):\n    {body}\n")
    scope = function(analysis.program, "example.f")
    transactions = Transactions(analysis)
    return [set(transactions.effects(Tracked(scope, "session", SESSION), index)) for index in range(len(scope.facts.calls))]


def test_a_method_does_what_its_name_says() -> None:
    assert effects("session.add(1); session.flush(); session.commit(); other.commit()") == [
        {WRITES},
        {EXECUTES, FLUSHES},
        {COMMITS},
        set(),
    ]


def test_a_statement_that_changes_rows_writes() -> None:
    for statement, writes in (
        ("update(Person).where(1).values(name=2)", True),
        ("text('DELETE FROM person')", True),
        ("'INSERT INTO person VALUES (1)'", True),
        ("select(Person).where(update)", False),
        ("text('SELECT 1')", False),
    ):
        assert (WRITES in effects(f"session.execute({statement})")[0]) is writes, statement


def test_a_statement_that_is_made_of_itself_has_an_end() -> None:
    assert effects("statement = statement.where(1); session.execute(statement)")[1] == {EXECUTES}


def test_a_function_does_what_its_calls_do() -> None:
    put = "def put(s, x):\n    s.add(x)\n    save(s)\ndef save(s):\n    s.commit()\n"
    assert effects("put(session, 1)", put) == [{WRITES, COMMITS}]
    assert effects("somebody(session)") == [{UNKNOWN}]
    assert effects("put(s=session, x=1)", "def put(s, x):\n    s = s or 1\n    s.add(x)\n") == [{WRITES, UNKNOWN}]


def test_who_ends_a_unit_of_work_is_who_opened_it() -> None:
    analysis = analysed(
        """
        from contextlib import contextmanager
        from sqlalchemy.orm import Session, sessionmaker
        from fastapi import Depends

        factory = sessionmaker()

        @contextmanager
        def plain():
            with factory() as session:
                yield session

        @contextmanager
        def committing():
            with factory() as session:
                yield session
                session.commit()

        def dependency():
            with plain() as session:
                yield session

        def opening():
            with factory() as session: session.add(1)
        def through():
            with plain() as session: session.add(1)
        def injected(session: Session = Depends(dependency)): session.add(1)
        def begun():
            with factory.begin() as session: session.add(1)
        def committed():
            with committing() as session: session.add(1)
        def given(session: Session): session.add(1)
        """
    )
    transactions = Transactions(analysis)
    owners = {each.scope.name: transactions.owner(each) for each in transactions.tracked(frozenset({"add"}))}
    assert owners == {
        "opening": HERE,
        "through": HERE,
        "injected": HERE,
        "begun": ELSEWHERE,
        "committed": ELSEWHERE,
        "given": None,
    }


def test_what_a_framework_or_a_with_brings_is_found_without_a_call_on_it() -> None:
    analysis = analysed(
        "from sqlalchemy.orm import Session\n@app.get('/')\ndef f(session: Session): work(session)\n"
        "def g(engine):\n    with Session(engine) as other: work(other)\n"
    )
    assert [each.name for each in Transactions(analysis).brought()] == ["session", "other"]


def test_a_call_that_always_raises_never_returns() -> None:
    analysis = analysed("def fail():\n    raise E\ndef f():\n    fail()\n    work()\n")
    assert Transactions(analysis).never_returning(function(analysis.program, "example.f")) == {0}


def test_a_session_that_a_setting_refuses_is_replaced_by_one_that_is_opened() -> None:
    analysis = analysed(
        """
        from contextlib import contextmanager
        from sqlalchemy.orm import Session, sessionmaker
        factory = sessionmaker()

        @contextmanager
        def shared(session: Session | None = None):
            if session is not None and SHARING:
                yield session
            else:
                with factory() as opened:
                    yield opened

        @contextmanager
        def given(session: Session | None = None):
            if session is not None:
                yield session
            else:
                with factory() as opened:
                    yield opened

        def refused(session: Session):
            with shared(session) as session: session.add(1)
        def taken(session: Session):
            with given(session) as session: session.add(1)
        """
    )
    transactions = Transactions(analysis)
    owners = {each.scope.name: transactions.owner(each) for each in transactions.tracked(frozenset({"add"}))}
    assert owners == {"refused": HERE, "taken": None}
