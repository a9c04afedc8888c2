import pytest

from netra.guard.meaning.known_by_asking import given_after_asking
from tests.guard.programs import analysed

PROGRAM = """
    class Late:
        async def save(self): ...
        def now(self): ...

    class Other: ...

    def example(thing, other):
        if {test}:
            {before}
            thing.{method}()
    """


@pytest.mark.parametrize(
    ("test", "before", "method", "known"),
    [
        ("isinstance(thing, Late)", "pass", "save", True),
        ("isinstance(thing, Late)", "pass", "now", False),
        ("isinstance(thing, Other)", "pass", "save", False),
        ("isinstance(thing, (Late, Other))", "pass", "save", False),
        ("isinstance(other, Late)", "pass", "save", False),
        ("isinstance(thing, Late)", "thing = other", "save", False),
        ("not isinstance(thing, Late)", "pass", "save", False),
    ],
)
def test_what_was_asked_of_an_object_tells_what_its_method_gives(test: str, before: str, method: str, known: bool) -> None:
    analysis = analysed({"example.py": PROGRAM.format(test=test, before=before, method=method)})
    scope = next(each for each in analysis.scopes if each.name == "example")
    call = next(each for each in scope.facts.calls if each.callee[0] == "attribute")
    found = given_after_asking(call, scope, analysis.receivers)
    assert (found is not None) == known
