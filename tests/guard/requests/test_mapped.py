"""A class stands for a table where it, or one above it, says so."""

import pytest

from netra.guard.requests.mapped import is_mapped
from tests.guard.programs import of_class, program


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class Row:\n    __tablename__ = 'rows'", True),
        ("class Row:\n    rows = 1", False),
        ("from sqlalchemy import Column, String\nclass Row(Base):\n    name = Column(String)", True),
        ("class Above:\n    __tablename__ = 'rows'\nclass Row(Above): ...", True),
        ("from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ...\nclass Row(Base): ...", True),
        ("from sqlalchemy.orm import declarative_base\nBase = declarative_base()\nclass Row(Base): ...", True),
        ("from sqlmodel import SQLModel\nclass Row(SQLModel, table=True): ...", True),
        ("from sqlmodel import SQLModel\nclass Row(SQLModel): ...", False),
        ("from django.db import models\nclass Row(models.Model): ...", True),
        ("from elsewhere import Model\nclass Row(Model): ...", False),
    ],
)
def test_a_table(text: str, expected: bool) -> None:
    found = program({"example.py": text})
    assert is_mapped(of_class(found, "example.Row"), found) is expected
