"""Addresses of databases in the texts of a program."""

import pytest

from netra.guard.database.dialects import dialects, is_on_sqlite
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('url = "sqlite+aiosqlite:///data.db"', {"sqlite"}),
        ('url = f"postgresql+asyncpg://{host}/main"', {"postgresql"}),
        ('def connect(url="mysql://localhost"): ...', {"mysql"}),
        ('connect(os.getenv("URL") or "sqlite:///a", {"other": "postgres://b"})', {"sqlite", "postgres"}),
        ('help = "give it a sqlite:// address"', set()),
        ('url = "https://example.com"', set()),
    ],
)
def test_an_address_tells_its_dialect(text: str, expected: set[str]) -> None:
    assert dialects(analysed(f"import os\n{text}\n")) == expected


def test_what_only_tests_speak_to_is_left_out() -> None:
    files = {"shop.py": 'url = "sqlite:///a"\n', "tests/test_shop.py": 'url = "postgresql://a"\n'}
    assert dialects(analysed(files)) == {"sqlite"}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('engine.name == "sqlite"', [2]),
        ('engine.name != "sqlite"', [4]),
        ('url.startswith("sqlite:")', [2]),
        ('"sqlite" in url', [2]),
        ('"sqlite" not in url', [4]),
        ('engine.name == "postgresql"', []),
        ("engine.name", []),
    ],
)
def test_a_branch_may_be_for_sqlite_alone(test: str, expected: list[int]) -> None:
    scope = next(iter(analysed(f"if {test}:\n    one()\nelse:\n    other()\n").scopes))
    assert [line for line in (2, 4) if is_on_sqlite(line, scope)] == expected
