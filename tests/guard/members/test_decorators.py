import pytest

from netra.guard.members.decorators import ClassDecorators
from tests.guard.programs import analysed, of_class


@pytest.mark.parametrize(
    ("text", "handed_back"),
    [
        ("from dataclasses import dataclass\n@dataclass\nclass A: ...\n", True),
        ("from elsewhere import dataclass\n@dataclass\nclass A: ...\n", False),
        ("def same(kind):\n    return kind\n@same\nclass A: ...\n", True),
        ("def other(kind):\n    return object()\n@other\nclass A: ...\n", False),
        ("def filled(kind):\n    setattr(kind, 'x', 1)\n    return kind\n@filled\nclass A: ...\n", False),
        ("def named(name):\n    def inner(kind):\n        return kind\n    return inner\n@named('a')\nclass A: ...\n", True),
        ("def same(kind):\n    return kind\ndef through(kind):\n    return same(kind)\n@through\nclass A: ...\n", True),
    ],
)
def test_a_decorator_hands_back_the_class_that_it_was_given(text: str, handed_back: bool) -> None:
    analysis = analysed(text)
    kind = of_class(analysis.program, "example.A")
    (decorator,) = kind.facts.decorators
    assert analysis.once(ClassDecorators).hands_back(decorator, kind.module.top) is handed_back
