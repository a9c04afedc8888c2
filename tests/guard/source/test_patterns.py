import ast

import pytest

from netra.guard.source.patterns import asked_classes


@pytest.mark.parametrize(
    ("pattern", "classes", "whole"),
    [
        ("Move()", "Move", True),
        ("Move(player=who, size=_)", "Move", True),
        ("Move(player='x')", "Move", False),
        ("Move() | Chat()", "Move Chat", True),
        ("(Move() | Chat()) as message", "Move Chat", True),
        ("Move() | Chat(text='x')", "Move Chat", False),
        ("_", "", True),
        ("other", "", True),
        ("{'kind': str(kind)}", "", False),
        ("'x' | 'y'", "", False),
    ],
)
def test_a_pattern_asks_for_classes_and_takes_all_of_them_or_some(pattern: str, classes: str, whole: bool) -> None:
    (statement,) = ast.parse(f"match x:\n    case {pattern}: pass").body
    assert isinstance(statement, ast.Match)
    found, takes_all = asked_classes(statement.cases[0].pattern)
    assert ([each[1] for each in found], takes_all) == (classes.split(), whole)
