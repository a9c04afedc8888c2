import pytest

from netra.guard.database.second_edition import is_of_second_edition
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from sqlalchemy.orm import DeclarativeBase\n", True),
        ("from sqlalchemy.ext.asyncio import async_sessionmaker\n", True),
        ("from sqlalchemy.orm import Session\n", False),
        ("from elsewhere import mapped_column\n", False),
        ("try:\n    from sqlalchemy.orm import DeclarativeBase\nexcept ImportError:\n    DeclarativeBase = object\n", False),
    ],
)
def test_a_program_says_by_its_imports_that_it_works_with_version_2(text: str, expected: bool) -> None:
    analysis = analysed(text)
    assert is_of_second_edition(analysis, analysis.modules[0].top) is expected
