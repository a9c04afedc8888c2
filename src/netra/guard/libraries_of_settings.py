"""Libraries that read the environment for a program, when they are given the name of a variable.

config = Config(".env")
HOOK = config("HOOK_SECRET", default="hook")
env = Env()
KEY = env.str("APP_KEY")
with env.prefixed("APP_"):
    LIMIT = env.int("LIMIT")
app = Sanic("shop", env_prefix="SHOP_")
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import Access, Touch
from netra.guard.facts import CallSite, Mention, last_name
from netra.guard.meaning.makers import maker
from netra.guard.symbols import External, FunctionSymbol

READING: Final = frozenset("environs environ decouple starlette flask quart sanic".split())
VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
# What such an object is asked by, beside being called.
ASKING: Final = frozenset("str int bool float list dict url json path get date timedelta db db_url cache_url log_level".split())
# By this, an application takes all variables that begin alike.
BY_PREFIX: Final = "from_prefixed_env"
# And so does one that is told how they begin when it is made.
MADE_WITH_PREFIX: Final = {"sanic": "Sanic"}


def library_reads(analysis: Analysis) -> list[Access]:
    """Each call that names a variable."""
    return list(_found(analysis))


def _found(analysis: Analysis) -> Iterator[Access]:
    for module in analysis.modules:
        imported = [each.module for scope in module.functions for each in scope.facts.imports if not each.level]
        if module.in_tests or READING.isdisjoint([each.partition(".")[0] for each in imported]):
            continue
        for scope in module.functions:
            yield from _of_scope(analysis, scope)


def _of_scope(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Access]:
    for call in scope.facts.calls:
        if (name := _prefix_given(analysis, call, scope)) is not None:
            mention = Mention(call.callee, ("called",), call.line, call.column)
            yield Access(scope, Touch.READ, name, None, call.line, call.column, call.end_line, mention)
            continue
        match call.arguments[:1]:
            case (("string", str(name)),) if VARIABLE.fullmatch(name):
                pass
            case _:
                continue
        if call.callee[0] == "attribute" and last_name(call.callee) not in ASKING | {"config", BY_PREFIX}:
            continue
        made = scope.facts.calls[call.callee[1]].callee if call.callee[0] == "call" else call.callee  # `Config()("NAME")`
        library = maker(made, scope, analysis.program)
        if library in ("flask", "quart") and last_name(call.callee) != BY_PREFIX:
            continue
        if library == "starlette" and call.callee[0] == "attribute" and last_name(call.callee) != "config":
            continue  # its `Config` is called; what else it makes is of a request
        match analysis.program.evaluate(call.callee, scope):
            case External(dotted=dotted) if library == "starlette" and not dotted.startswith("starlette.config"):
                continue  # `PlainTextResponse("OK")`
        if library in READING and library not in MADE_WITH_PREFIX:
            name = f"{_prefix_around(call, scope)}{name}"
            default = dict(call.keywords).get("default", call.arguments[1] if len(call.arguments) > 1 else None)
            mention = Mention(call.callee, ("called",), call.line, call.column)
            yield Access(scope, Touch.READ, name, default, call.line, call.column, call.end_line, mention)


def _prefix_given(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> str | None:
    """`SHOP` of `Sanic("shop", env_prefix="SHOP_")`."""
    given = dict(call.keywords).get("env_prefix") if call.keywords else None
    if given is None or last_name(call.callee) not in MADE_WITH_PREFIX.values():
        return None
    match given:
        case ("string", str(text)) if VARIABLE.fullmatch(text.rstrip("_")):
            return text.rstrip("_") if maker(call.callee, scope, analysis.program) in MADE_WITH_PREFIX else None
    return None


def _prefix_around(call: CallSite, scope: FunctionSymbol) -> str:
    """`APP_` of `with env.prefixed("APP_"):`, and of several of them, one in the other."""
    asked = [("attribute", each, "prefixed") for each in (call.callee, *call.callee[1:2])]
    found = []
    for block in scope.facts.blocks:
        if block.what == "with" and block.line <= call.line <= block.end_line:
            for each in block.expressions:
                entered = scope.facts.calls[each[1]] if each[0] == "call" else None
                if entered is not None and entered.callee in asked:
                    match entered.arguments[:1]:
                        case (("string", str(text)),):
                            found.append((block.line, text))
    return "".join(text for _, text in sorted(found))
