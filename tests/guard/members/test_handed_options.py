import pytest

from netra.guard.members.handed_options import handed_through, handing_call
from tests.guard.programs import analysed, function


def handed(body: str, call: str) -> list[str] | None:
    analysis = analysed(f"def make(db, **options):\n    {body}\n\n\ndef f(more):\n    {call}\n")
    made = handed_through(function(analysis.program, "example.f").facts.calls[0], function(analysis.program, "example.make"))
    return None if made is None else [name for name, _ in made.keywords]


@pytest.mark.parametrize(
    ("body", "call", "names"),
    [
        ("return Store(db, **options)", "make(1, size=3)", ["size"]),
        ("return Store(db, kind=1, **options)", "make(1, size=3)", ["kind", "size"]),
        ("return Store(db, **options)", "make(db=1)", None),
        ("return Store(db, **options)", "make(1, **more)", None),
        ("return Store(db, **{**options})", "make(1, size=3)", None),
        ("options.pop('size'); return Store(db, **options)", "make(1, size=3)", None),
        ("options = {}; return Store(db, **options)", "make(1, size=3)", None),
        ("return Store(db, **options) if db else None", "make(1, size=3)", None),
        ("if db: return Store(db, **options)", "make(1, size=3)", None),
        ("return Store(db)", "make(1, size=3)", None),
    ],
)
def test_what_has_no_parameter_goes_on(body: str, call: str, names: list[str] | None) -> None:
    assert handed(body, call) == names


def test_the_call_is_found_wherever_it_stands() -> None:
    analysis = analysed("def make(db, **options):\n    if db:\n        return Store(db, **options)\n")
    made = handing_call(function(analysis.program, "example.make"))
    assert made is not None
    assert made.callee == ("name", "Store")
