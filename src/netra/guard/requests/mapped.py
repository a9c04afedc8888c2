"""Classes that stand for tables: of one of these an object is a row, fetched for each request."""

from typing import Final

from netra.guard.facts import last_name
from netra.guard.members.tables import declarative_parent
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External

# What only a class has that stands for a table.
OF_TABLES: Final = frozenset("__tablename__ __table__ __table_args__".split())
COLUMNS: Final = frozenset("Column mapped_column".split())
# The bases of such classes, by their full names or the beginning of them.
OF_MAPPERS: Final = (
    "sqlalchemy.orm.DeclarativeBase",
    "sqlalchemy.orm.decl_api.DeclarativeBase",
    "django.db.models.Model",
    "django.db.models.base.Model",
    "tortoise.models.Model",
    "tortoise.Model",
    "peewee.Model",
    "mongoengine.Document",
    "beanie.Document",
)


def is_mapped(kind: ClassSymbol, program: Program) -> bool:
    """A class, or one above it, says the name or the columns of a table, or has a base of a mapper."""
    return any(_says_so(each, program) for each in program.order(kind)[0])


def _says_so(kind: ClassSymbol, program: Program) -> bool:
    body = kind.body
    if not OF_TABLES.isdisjoint(body.assigned):
        return True
    if any(name == "table" and value == ("constant", "bool", True) for name, value in kind.facts.keywords):
        return True  # `class User(SQLModel, table=True)`
    if any(last_name(each.callee) in COLUMNS and each.where[0] == "assign" for each in body.facts.calls):
        return True
    if kind.module.library:
        return f"{kind.module.name}.{kind.name}".startswith(OF_MAPPERS)
    around = kind.module.function(kind.facts.scope)
    for base in kind.facts.bases:
        match program.evaluate(base, around):
            case External(dotted=dotted) if dotted.startswith(OF_MAPPERS):
                return True
        if declarative_parent(base, around, program):
            return True
    return False
