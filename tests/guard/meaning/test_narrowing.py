import pytest

from netra.guard.meaning.narrowing import is_asked_about, is_caught, is_dictionary, is_for_other_version, is_told_apart
from tests.guard.programs import analysed, function


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x.y", False),
        ("isinstance(x, int)", True),
        ("isinstance(z, int)", False),
        ("hasattr(x.y, 'b')", False),
        ("hasattr(z, 'a')", True),
        ("if is_known(x): ...", True),
        ("if run(x): ...", False),
        ("match x:\n        case int(): ...", True),
        ("def inner(): isinstance(x, int)", False),
    ],
)
def test_an_object_is_told_apart_by_who_asks_what_it_is(body: str, expected: bool) -> None:
    scope = function(analysed(f"def f(x, z):\n    {body}\n").program, "example.f")
    assert is_told_apart(("name", "x"), "a", scope) is expected


def test_an_attribute_is_asked_about_only_by_an_if_around_the_line_that_hands_it_to_a_call() -> None:
    text = "def f(x):\n    if x and is_plain(x.send):\n        x.send()\n    x.send()\n"
    scope = function(analysed(text).program, "example.f")
    send = ("attribute", ("name", "x"), "send")
    assert is_asked_about(send, 3, scope)
    assert not is_asked_about(send, 4, scope) and not is_asked_about(("attribute", ("name", "x"), "stop"), 3, scope)


def test_who_asks_around_is_believed_inside() -> None:
    scope = function(analysed("def f(x):\n    isinstance(x, int)\n    def g(): x.a\n").program, "example.f.g")
    assert is_told_apart(("attribute", ("name", "x"), "y"), "a", scope)


def test_what_is_read_by_keys_is_a_dictionary() -> None:
    scope = function(analysed("def f(x, y):\n    x['a'], y.a\n").program, "example.f")
    assert is_dictionary(("name", "x"), "b", scope) and is_dictionary(("name", "y"), "get", scope)
    assert not is_dictionary(("name", "y"), "b", scope)


def test_only_a_try_around_the_line_catches() -> None:
    scope = function(
        analysed("def f(x):\n    try:\n        x.a\n    except (KeyError, AttributeError):\n        x.b\n").program, "example.f"
    )
    assert is_caught(3, scope, "AttributeError") and not is_caught(3, scope, "TypeError")
    assert not is_caught(5, scope, "AttributeError")


@pytest.mark.parametrize(
    ("entered", "expected"),
    [
        ("pytest.raises(TypeError)", True),
        ("pytest.raises((KeyError, TypeError))", True),
        ("self.assertRaises(Exception)", True),
        ("suppress(KeyError, TypeError)", True),
        ("raises(expected_exception=TypeError)", True),
        ("pytest.raises(KeyError)", False),
        ("lock(TypeError)", False),
    ],
)
def test_a_with_catches_what_it_expects(entered: str, expected: bool) -> None:
    scope = function(analysed(f"def f(x):\n    with {entered}:\n        x.a\n    x.b\n").program, "example.f")
    assert is_caught(3, scope, "TypeError") is expected
    assert not is_caught(4, scope, "TypeError")


def test_a_branch_for_another_release_is_known_by_its_test() -> None:
    scope = function(
        analysed("def f(x):\n    if lib.__version__ < '2':\n        x.a\n    elif x:\n        x.b\n    x.c\n").program,
        "example.f",
    )
    assert [is_for_other_version(line, scope) for line in (3, 5, 6)] == [True, True, False]
