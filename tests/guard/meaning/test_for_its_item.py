import pytest

from netra.guard.meaning.for_its_item import taken_for_item
from netra.guard.values import ContextOf, GeneratorOf
from tests.guard.programs import analysed

PROGRAM = """
    from contextlib import contextmanager
    from typing import Iterator

    def rows():
        yield 1

    @contextmanager
    def opened():
        yield 1

    def said() -> Iterator[int]:
        return elsewhere()

    class Keeper:
        def __init__(self, db):
            self.db = db

        def find(self):
            return self.db.query(1)

    def asks(db):
        return db.query(1)

    def example():
        {body}
    """


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("rows().query(1)", "query"),
        ("opened().query(1)", "query"),
        ("rows()[0]", ""),
        ("rows().close()", None),
        ("opened().__enter__()", None),
        ("said().query(1)", None),
        ("db = rows(); db.query(1)", "query"),
        ("db = rows(); db = next(db); db.query(1)", None),
        ("db = rows(); db.query(1) if hasattr(db, 'query') else None", None),
        ("asks(rows())", "query"),
        ("Keeper(rows())", "query"),
        ("print(rows())", None),
    ],
)
def test_what_is_asked_is_what_a_generator_has_not(body: str, expected: str | None) -> None:
    analysis = analysed({"example.py": PROGRAM.format(body=body)})
    scope = next(each for each in analysis.scopes if each.name == "example")
    found = []
    for index, call in enumerate(scope.facts.calls):
        value = analysis.receivers.value(("call", index), scope)
        if isinstance(value, GeneratorOf | ContextOf):
            taken = taken_for_item(value, call.where, call, scope, analysis.receivers)
            found += [] if taken is None else [taken.attribute]
    assert found == ([] if expected is None else [expected])
