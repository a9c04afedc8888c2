"""Which programs work with SQLAlchemy 2, by what they import of it that no earlier one has."""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Import
from netra.guard.settings import top_of
from netra.guard.symbols import FunctionSymbol

ONLY_THERE: Final = frozenset(
    "DeclarativeBase DeclarativeBaseNoMeta MappedAsDataclass mapped_column async_sessionmaker WriteOnlyMapped".split()
)


def is_of_second_edition(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """The package in which a function stands can only run with version 2."""
    return top_of(scope.module) in analysis.once(_packages)


def _packages(analysis: Analysis) -> frozenset[str]:
    found = set()
    for scope in analysis.scopes:
        if any(map(_is_only_there, scope.facts.imports)) and not scope.module.in_tests:
            tried = [each for each in scope.facts.blocks if each.what in ("try", "handler", "if", "else")]
            lines = [each.line for each in scope.facts.imports if _is_only_there(each)]
            if any(not any(each.line <= line <= each.end_line for each in tried) for line in lines):
                found.add(top_of(scope.module))
    return frozenset(found)


def _is_only_there(each: Import) -> bool:
    return each.name in ONLY_THERE and each.module.partition(".")[0] == "sqlalchemy"
