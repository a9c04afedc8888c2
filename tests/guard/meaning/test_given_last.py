from netra.guard.meaning.given_last import given_last
from tests.guard.programs import analysed

TEXT = """
def f(kind, rows):
    if kind:
        row = first()
        use(row)
    elif rows:
        use(row)
    for row in rows:
        use(row)
    row = second()
    if kind:
        row = third()
    use(row)
"""


def test_only_what_nothing_stands_between_is_given() -> None:
    (f,) = (each for each in analysed(TEXT).scopes if each.name == "f")
    found = {}
    for call in f.facts.calls:
        if call.callee == ("name", "use"):
            last = given_last("row", call.line, f)
            found[call.line] = None if last is None else last.line
    first = f.facts.line
    assert {line - first: None if at is None else at - first for line, at in found.items()} == {3: 2, 5: None, 7: 6, 11: None}
