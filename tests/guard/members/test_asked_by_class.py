import pytest

from netra.guard.members.asked_by_class import asked_by_class
from tests.guard.programs import analysed

PROGRAM = """
    class Cookie:
        path = ""
        age = 0

    class PathMixin:
        path = ""

    def example(config):
        {before}
        if {test}:
            print({asked})
            config.lifetime

    MADE = Cookie()
    """


@pytest.mark.parametrize(
    ("before", "test", "asked", "expected"),
    [
        ("pass", "isinstance(config, Cookie)", "config.path", True),
        ("pass", "isinstance(config, Cookie)", "1", False),
        ("config.other", "isinstance(config, Cookie)", "config.path", True),
        ("pass", "isinstance(config, Cookie)", "config.path, config.other", False),
        ("pass", "isinstance(config, PathMixin)", "config.path", None),
        ("pass", "isinstance(config, (Cookie, PathMixin))", "config.path", None),
        ("hasattr(config, 'lifetime')", "isinstance(config, Cookie)", "config.path", None),
        ("pass", "config", "config.path", None),
    ],
)
def test_a_test_for_a_class_says_what_an_object_has(before: str, test: str, asked: str, expected: bool | None) -> None:
    analysis = analysed({"example.py": PROGRAM.format(before=before, test=test, asked=asked)})
    scope = next(each for each in analysis.scopes if each.name == "example")
    line = next(at for read, at, _ in scope.attributes_read if read[2] == "lifetime")
    found = asked_by_class(analysis, ("name", "config"), "lifetime", line, scope)
    assert (None if found is None else found.is_borne_out) is expected
    assert found is None or {"path", "age"} <= found.held
