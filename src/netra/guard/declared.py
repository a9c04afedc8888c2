"""Defaults of settings that stand neither at a read of the environment nor in a class of settings.

getattr(settings, "SECRET_KEY", "x")
app.config.setdefault("SECRET_KEY", "x")
Validator("SECRET_KEY", default="x")
Env(SECRET_KEY=(str, "x"))
click.option("--key", envvar="SECRET_KEY", default="x")
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import is_edge
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.standing_in import Substitute
from netra.guard.symbols import FunctionSymbol

# What settings are kept in.
OF_SETTINGS: Final = re.compile(r"(?:\w*_)?(?:settings|config|configuration|conf|cfg)", re.IGNORECASE)
ASKING: Final = frozenset({"get", "setdefault"})
OPTIONS: Final = frozenset({"option", "Option", "argument", "Argument"})


def declared_defaults(analysis: Analysis) -> Iterator[tuple[str, Substitute]]:
    """The name of each setting, with what it is where nobody has set it."""
    for scope, _, call in analysis.calls_of("getattr", "Validator", "Env", "FileAwareEnv", *ASKING, *OPTIONS):
        for name, default in _declared(call, scope):
            if not scope.module.in_tests and not is_edge(scope.module):
                yield name, Substitute(default, scope, call.line, call.column)


def _declared(call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
    name = last_name(call.callee) or ""
    if name in ASKING and len(call.arguments) != 2:
        return  # nearly all of them
    keywords = dict(call.keywords)
    match name, call.arguments:
        case "getattr", (held, ("string", str(asked)), default) if _holds_settings(held, scope):
            yield asked, default
        case (("get" | "setdefault"), (("string", str(asked)), default)) if _holds_settings(call.callee[1], scope):
            yield asked, default
        case "Validator", (("string", str(asked)), *_) if "default" in keywords:
            yield asked, keywords["default"]
        case (("Env" | "FileAwareEnv"), _):
            yield from ((key, value[1][1]) for key, value in call.keywords if value[0] == "tuple" and len(value[1]) == 2)
        case (("option" | "Option" | "argument" | "Argument"), arguments) if "envvar" in keywords:
            # `typer.Option("x", envvar=…)` begins with its default.
            given = [keywords["default"]] if "default" in keywords else [*arguments[:1]] if name[0].isupper() else []
            envvar = keywords["envvar"]
            if given and envvar[0] == "string":
                yield envvar[1], given[0]


def _holds_settings(held: Expression, scope: FunctionSymbol) -> bool:
    """It is called like what settings are kept in, also where a function gives it: `get_settings()`."""
    called = scope.facts.calls[held[1]].callee if held[0] == "call" else held
    return OF_SETTINGS.fullmatch(last_name(called) or "") is not None
