"""What a read gives is found under a name, a field, an argument of a class, or as what a function gives."""

import pytest

from netra.guard.environment import Access, accesses
from netra.guard.kept_under import compared_with, given_by, is_like_field, kept_under
from tests.guard.programs import analysed

HEAD = """import hmac, os
class Settings:
    def __init__(self, key, size): ...
"""


def read(text: str) -> tuple[Access, str]:
    analysis = analysed(f"{HEAD}{text}\n")
    (access,) = accesses(analysis)
    return access, kept_under(analysis, access)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("KEY = os.environ['A']", "KEY"),
        ("class C:\n    def f(self): self.key = os.environ['A'].encode()", "key"),
        ("settings = Settings(key=os.environ['A'], size=1)", "key"),
        ("CONFIG = {\n    'key': os.environ['A'],\n    'size': 1}", "key"),
        ("app.config['key'] = os.environ['A']", "key"),
        ("app.config.update(key=os.environ['A'])", "key"),
        ("def f(): return Settings(\n    key=os.environ['A'],\n    size=1)", "key"),
        ("def f(): return connect(key=os.environ['A'], size=1)", ""),
        ("print(os.environ['A'])", ""),
    ],
)
def test_a_name_a_field_or_an_argument_has_it(text: str, name: str) -> None:
    assert read(text)[1] == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def key(): return os.environ['A']", "key"),
        ("def key():\n    value = os.getenv('A')\n    return value or 'b'", "key"),
        ("def key():\n    value = os.getenv('A')\n    return 1", ""),
        ("KEY = os.environ['A']", ""),
    ],
)
def test_a_function_gives_it(text: str, name: str) -> None:
    access, _ = read(text)
    assert given_by(access) == name and not is_like_field(access.scope)


def test_a_property_is_read_like_a_field() -> None:
    access, _ = read("class C:\n    @property\n    def key(self): return os.environ['A']")
    assert is_like_field(access.scope) and given_by(access) == "key"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def f(given):\n    if given != os.getenv('A', ''): raise E", [("name", "given")]),
        ("def f(given): return hmac.compare_digest(given, os.getenv('A', ''))", [("name", "given")]),
        ("def f(): return os.getenv('A') == 'on'", []),
        ("def f(given): return os.getenv('A') in given", []),
    ],
)
def test_it_is_held_against_what_is_not_written_down(text: str, found: list[object]) -> None:
    assert compared_with(read(text)[0]) == found
