"""What stands in for a missing variable, and whether everybody can read it."""

import pytest

from netra.guard.environment import accesses
from netra.guard.standing_in import fields_filled_in, filled_from_all, is_known_to_all, known_text, substitutes
from tests.guard.programs import analysed, function, of_class


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'a'", "a"),
        ("b'a'", "a"),
        ("'a' * 3", "a repeated"),
        ("'a' + NAME", "aname"),
        ("f'{NAME}-key'", "name-key"),
        ("NAME.encode()", "name"),
        ("sha256(b'a').hexdigest()", "a"),
        ("SecretStr('a')", "a"),
        ("urandom(3)", None),
        ("given", None),
        ("f'{given}'", None),
    ],
)
def test_a_text_that_anybody_can_make(expression: str, expected: str | None) -> None:
    analysis = analysed(f"NAME = 'name'\ndef f(given): return {expression}\n")
    scope = function(analysis.program, "example.f")
    assert known_text(analysis, scope.facts.returned[0].value, scope) == expected


@pytest.mark.parametrize(("text", "expected"), [("'secret'", True), ("''", False), ("'keys/a.pem'", False), ("None", False)])
def test_a_placeholder_is_no_secret(text: str, expected: bool) -> None:
    analysis = analysed(f"def f(): return {text}\n")
    scope = function(analysis.program, "example.f")
    assert is_known_to_all(analysis, scope.facts.returned[0].value, scope) is expected


@pytest.mark.parametrize(
    "body",
    [
        "return os.getenv('KEY', 'x')",
        "return os.getenv('KEY') or 'x'",
        "return os.environ['KEY'] if 'KEY' in os.environ else 'x'",
        "key = os.getenv('KEY')\n    if not key:\n        key = 'x'\n    return key",
        "key = os.getenv('KEY')\n    if key is None:\n        return 'x'\n    return key",
        "key = os.getenv('KEY')\n    return key or 'x'",
        "key = 'x'\n    if 'KEY' in os.environ:\n        key = os.environ['KEY']\n    return key",
        "try:\n        return os.environ['KEY']\n    except KeyError:\n        return 'x'",
    ],
)
def test_what_stands_in_is_found_in_whichever_way_it_is_written(body: str) -> None:
    analysis = analysed(f"import os\ndef f():\n    {body}\n")
    found = {each.value for access in accesses(analysis) for each in substitutes(access)}
    assert ("string", "x") in found


@pytest.mark.parametrize(
    "body",
    [
        "key = os.getenv('KEY')\n    if not key:\n        raise ValueError\n    return key",
        "key = os.getenv('KEY')\n    if DEBUG and not key:\n        key = 'x'\n    return key",
        "key = os.getenv('KEY')\n    other = 'x'\n    return key",
    ],
)
def test_a_refusal_and_a_developers_machine_are_no_substitute(body: str) -> None:
    analysis = analysed(f"import os\ndef f():\n    {body}\n")
    assert ("string", "x") not in {each.value for access in accesses(analysis) for each in substitutes(access)}


def test_a_method_fills_in_a_field() -> None:
    text = """
        class Settings:
            key: str = ""
            def complete(self):
                if not self.key:
                    self.key = "x"
        """
    found = list(fields_filled_in(of_class(analysed(text).program, "example.Settings")))
    assert [(name, each.value) for name, each in found] == [("key", ("string", "x"))]


@pytest.mark.parametrize(
    ("filling", "filled"),
    [
        ("C(**{name: os.environ[name] for name in os.environ})", True),
        ("C.model_validate(dict(os.environ))", True),
        ("C(**chosen())", True),
        ("C(key=os.environ['KEY'])", False),
        ("C(**{})", False),
    ],
)
def test_a_class_is_filled_with_all_variables(filling: str, filled: bool) -> None:
    head = "import os\ndef chosen(): return dict(os.environ)\nclass C:\n    key: str = 'x'\n    other: str\n"
    found = filled_from_all(analysed(f"{head}def f():\n    return {filling}\n"))
    assert [each.name for each in found] == ["C"] * filled
