"""Addresses of databases in the texts of a program."""

import pytest

from netra.guard.database.dialects import dialects
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
