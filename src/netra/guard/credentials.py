"""Credentials that one object was given, and that it puts into the environment, where all others of its process find them."""

import re
from collections.abc import Iterable
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import Access
from netra.guard.facts import SELF, Expression
from netra.guard.keepers import Keepers
from netra.guard.keeping import SECRET
from netra.guard.ownership import OF_SCRIPTS
from netra.guard.settings import HeldSettings
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# What is called so is told once for the whole process.
OF_PROCESS: Final = re.compile(
    r"settings|config|environ|command|cli$|login|credential|session$|secret|manager|store|setup|patch|test", re.IGNORECASE
)

# A method that is called so is there to write them.
WRITING: Final = re.compile(
    r"_*(?:set|save|store|export|configure|setup|login|install|apply|update|write|patch|main|run)(?:_|$)"
)


def given_to_one(access: Access, written: Iterable[Expression], analysis: Analysis) -> str | None:
    """What an object was given, and one of its methods writes to the environment: the parameter, or the attribute.

    Only in a program that serves somebody: a notebook has one user. That a command leads there says nothing, as one starts the
    server; a module that reads the arguments of a command is a script.
    """
    scope = access.scope
    kind = scope.object_of
    if kind is None or not SECRET.search(access.variable) or WRITING.match(scope.name) or OF_PROCESS.search(kind.name):
        return None
    imports = {each.module.partition(".")[0] for each in access.module.top.facts.imports}
    if (
        imports & OF_SCRIPTS
        or analysis.once(HeldSettings).holds(access.module)
        or not analysis.once(Keepers).serves(access.module)
    ):
        return None
    for value in written:
        match value:
            case ("name", str(name)) if name in scope.parameters and name not in scope.assigned:
                return name
            case ("attribute", inner, str(name)) if inner == SELF and _is_given(name, kind, analysis):
                return f"self.{name}"
    return None


def _is_given(name: str, kind: ClassSymbol, analysis: Analysis) -> bool:
    """Whoever makes an object passes it: `self.key = key`, `self.key = key or default`, or a field of a model."""
    for each in analysis.program.order(kind)[0]:
        for method, one in each.set_on_self.get(name, ()):
            if method.name == "__init__" and any(_is_parameter(part, method) for part in _parts(one.value)):
                return True
    return False


def _parts(value: Expression) -> tuple[Expression, ...]:
    return tuple(value[1]) if value[0] == "choice" else (value,)


def _is_parameter(value: Expression, method: FunctionSymbol) -> bool:
    return value[0] == "name" and value[1] in method.parameters
