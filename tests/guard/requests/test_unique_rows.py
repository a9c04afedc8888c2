"""A row that is put in where none like it was found is put in twice, unless the database holds the second off."""

import pytest

from netra.guard.requests.unique_rows import UniqueRows
from tests.guard.programs import analysed, function

TEXT = """
class Tag(Base):
    id = Column(Integer, primary_key=True)
    name = Column(String{column})
    {table}


{aside}


async def add(db, data, name):
    {lines}
"""
MODEL = ("found = await Tag.filter(name=name).first()", "if found: raise Known", "await Tag.create(name=name)")


def _found(*lines: str, column: str = "", table: str = "", aside: str = "") -> list[str]:
    text = TEXT.format(lines="\n    ".join(lines), column=column, table=table, aside=aside)
    analysis = analysed(text)
    return [each.what for each in analysis.once(UniqueRows).twice(function(analysis.program, "example.add"))]


@pytest.mark.parametrize(
    "lines",
    [
        MODEL,
        ("if await Tag.filter(name=name).exists(): raise Known", "await Tag.create(name=name)"),
        ("if await Tag.exists(name=name): raise Known", "await Tag.create(name=name)"),
        ("if db.query(Tag).filter(Tag.name == name).first(): raise Known", "db.add(Tag(name=name))"),
        (
            "found = await db.scalar(select(Tag).where(Tag.name == name))",
            "if found is not None: return False",
            "db.add(Tag(name=name))",
        ),
        ("if Tag.objects.filter(name=name).exists(): return {'known': True}", "tag = Tag.objects.create(name=name)"),
    ],
)
def test_two_of_one_name_get_in(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == ["Tag"]


@pytest.mark.parametrize(
    "lines",
    [
        ("if await db.tags.count_documents({'name': name}): raise Known", "await db.tags.insert_one({'name': name})"),
        ("if await db.tags.find_one({'name': data['name']}): raise Known", "await db.tags.insert_one({**data, 'x': 1})"),
        ("if await db.tags.find_one({'name': data['name']}): raise Known", "await db.tags.insert_one(data)"),
    ],
)
def test_so_it_is_with_documents(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == ["db.tags"]
    assert _found(*lines, aside="db.tags.create_index('name', unique=True)") == []


@pytest.mark.parametrize(
    ("column", "table", "aside"),
    [
        (", unique=True", "", ""),
        ("", "__table_args__ = (UniqueConstraint('name'),)", ""),
        ("", "__table_args__ = (Index('x', 'name', unique=True),)", ""),
        ("", "class Meta: unique_together = [('name', 'id')]", ""),
        ("", "", "op.create_unique_constraint('x', 'tag', ['name'])"),
        ("", "", "op.create_index('x', 'tag', ['name'], unique=True)"),
    ],
)
def test_the_database_holds_the_second_off(column: str, table: str, aside: str) -> None:
    assert _found(*MODEL, column=column, table=table, aside=aside) == []


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param((MODEL[0], "if found: return found", MODEL[2]), id="given what is there"),
        pytest.param((MODEL[0], "if not found: raise Missing", MODEL[2]), id="refused where there is none"),
        pytest.param((MODEL[0], MODEL[1], "await Tag.create(name=data)"), id="another name"),
        pytest.param(("async with atomic(): pass", *MODEL), id="in a transaction that sees to it"),
        pytest.param(
            ("if await db.tags.find_one({'_id': name}): raise Known", "await db.tags.insert_one({'_id': name})"), id="key"
        ),
    ],
)
def test_nothing_is_said(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == []
