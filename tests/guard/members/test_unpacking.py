import pytest

from netra.guard.members.unpacking import unpacked
from tests.guard.programs import analysed, function


def passed(body: str) -> list[str]:
    analysis = analysed(f"def f(given, more):\n    {body}\n")
    scope = function(analysis.program, "example.f")
    (call,) = [each for each in scope.facts.calls if each.callee == ("name", "search")]
    return [name for name, _ in unpacked(call, scope).keywords]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("o = {'limit': 3}; search(given, **o)", "limit"),
        ("o = dict(limit=3, size=1); search(given, n=1, **o)", "n limit size"),
        ("search(given, **{'limit': 3})", "limit"),
        ("o = {'limit': 3}; o['size'] = 1; search(given, **o)", "**"),
        ("o = {'limit': 3}; o.update(more); search(given, **o)", "**"),
        ("o = {'limit': 3}; fill(o); search(given, **o)", "**"),
        ("o = {'limit': 3, **more}; search(given, **o)", "**"),
        ("search(given, **more)", "**"),
        ("search(given, n=1)", "n"),
    ],
)
def test_a_dictionary_that_stands_there_is_what_is_passed(body: str, names: str) -> None:
    assert passed(body) == names.split()
