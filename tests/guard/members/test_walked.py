import pytest

from netra.guard.members.walked import walked_over
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("loop", "table"),
    [
        ("each in LISTED", "LISTED"),
        ("each in KINDS.values()", "KINDS"),
        ("_, each in KINDS.items()", "KINDS"),
        ("each, _ in KINDS.items()", ""),
        ("each in KINDS", ""),
        ("each in made()", ""),
    ],
)
def test_a_loop_binds_what_a_table_holds(loop: str, table: str) -> None:
    text = f"KINDS = {{'a': A()}}\nLISTED = [A()]\ndef f():\n    for {loop}: ...\n"
    analysis = analysed(text)
    scope = next(each for each in analysis.scopes if each.name == "f")
    (bound,) = scope.assigned["each"]
    assert walked_over(bound, scope, analysis.program) == (("name", table) if table else None)
