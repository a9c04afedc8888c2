"""Reads of the environment whose variable does not stand there, where a module of settings was at hand.

The way in is handed out (`def ask(name, get=os.environ.get)`), the name is put together (`f"APP_{name}"`), somebody else has
it (a model, a user), or all variables are looked through. What a function of the program is asked for by its callers is no
such read: the callers have the names.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.entries.sorts import ROUTE
from netra.guard.environment import Access, Touch, accesses, is_edge
from netra.guard.facts import LAMBDA, Expression, Mention, last_name
from netra.guard.keepers import Keepers
from netra.guard.lookups import beginning_of, key_of, lookups
from netra.guard.meaning.expressions import within
from netra.guard.ownership import ClearOwners, imports_what_it_reads_with
from netra.guard.requests.origins import Origins
from netra.guard.requests.tools import is_tool
from netra.guard.settings import HeldSettings, is_fallback, keys_of, place_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Routine, TypeOf
from netra.guard.variables import OF_LIBRARIES, VariableNames

# A variable, or what several begin with, in a text.
VARIABLE: Final = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]*_[A-Z0-9_]*")

# Lines between a copy and what is asked of it.
NEAR: Final = 2

# How a kernel shows the environment of a process.
BY_KERNEL: Final = re.compile(r"/proc/(?:self|thread-self|1)/environ")
OPENING: Final = ("open", "Path", "read_text", "read_bytes")

# What goes over all variables, and what lays them under or over something else.
WALKING: Final = frozenset({"items", "values"})
COPYING: Final = frozenset({"dict", "copy", "deepcopy"})
COUNTING: Final = frozenset("len list sorted set frozenset tuple iter any all print".split())

# What a function calls the environment of a child.
ENV: Final = frozenset({"env", "environ", "environment", "env_vars", "envs"})


class Nameless(NamedTuple):
    """A read, the module of settings that it passes by (none where the name is what is wrong), and what is wrong."""

    access: Access
    owner: ModuleSymbol | None
    message: str


def nameless_reads(analysis: Analysis) -> Iterator[Nameless]:
    """Reads of one variable, whichever it is."""
    for access in analysis.once(accesses):
        if access.touch is not Touch.READ or access.variable or is_edge(access.module):
            continue
        if (who := _named_by_others(analysis, access)) is not None:
            yield Nameless(access, None, f"which variable of the environment is read, {who} says")
        elif (asked := _asked_of_callers(analysis, access)) is not None:
            yield asked
        elif (owner := _passed(analysis, access)) is not None:
            yield Nameless(access, owner, f"a variable is read from the environment past `{owner.name}`")
    for access in _by_kernel(analysis):
        if (owner := _at_hand(analysis, access)) is not None:
            yield Nameless(access, owner, f"the environment is read from the kernel past `{owner.name}`")
        elif (entry := analysis.reach.entries.get(access.scope)) is not None and entry.sort == ROUTE:
            yield Nameless(access, None, "a route asks the kernel for the whole environment, secrets included")


def looked_through(analysis: Analysis) -> Iterator[Nameless]:
    """Where all variables are gone over, laid under something else, or given to a parameter that was left out."""
    for access in analysis.once(accesses):
        if access.touch is not Touch.WHOLE or is_edge(access.module):
            continue
        shown = _is_shown_to_templates(access)
        if not shown and not _is_looked_through(access):
            continue
        owner = _at_hand(analysis, access) or _at_hand(analysis, _with_names(analysis, access))
        if owner is not None and not _is_given_to(analysis, access, owner):
            message = f"all of the environment is looked through past `{owner.name}`"
            yield Nameless(access, owner, "every template has the whole environment, secrets included" if shown else message)


def _with_names(analysis: Analysis, access: Access) -> Access:
    """With the first variable that is named beside: `ChainMap(given, os.environ, DEFAULTS)`, `key.startswith("APP_")`."""
    return replace(access, variable=next(_named_beside(analysis, access), ""))


def _named_beside(analysis: Analysis, access: Access) -> Iterator[str]:
    """The texts that look like variables, in what is said of the environment in one place and is done with what it gives."""
    scope = access.scope
    for expression in _expressions_near(access):
        for part in within(expression, scope):
            if part[0] == "string":
                yield from VARIABLE.findall(part[1])
            elif part[0] in ("name", "attribute"):
                match analysis.program.evaluate(part, scope):
                    case VariableSymbol(scope=holder, name=name) if name not in holder.parameters:
                        yield from (key for one in holder.assigned.get(name, ()) for key in keys_of(one.value))


def _expressions_near(access: Access) -> Iterator[Expression]:
    facts, first, last = access.scope.facts, access.line, access.end_line
    # What a copy is asked for, or what each item is held against, stands a little below.
    below = last + NEAR if access.mention.where[0] in ("attribute", "argument", "assign") else last
    yield from (each.value for each in facts.assignments if first <= each.line <= below)
    yield from (each.value for each in facts.returned if first <= each.line <= below)
    for call in facts.calls:
        if first <= call.line <= below or call.line <= first <= call.end_line:
            yield from (*call.given, call.callee)
    yield from (test for each in facts.blocks if first <= each.head <= below for test in each.expressions)


def _at_hand(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    keeper = analysis.once(Keepers).at_hand(access)
    return None if keeper is None or imports_what_it_reads_with(access) else keeper.place


def _passed(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    if is_fallback(access) and not _is_asked_by_nobody(access):
        return None
    if not (_is_way_in(access) or _is_asked_by_nobody(access) or _is_put_together(analysis, access) or _is_matched(access)):
        return None
    owner = None if analysis.once(Keepers).is_custom else _at_hand(analysis, access)
    return None if owner is not None and _is_given_to(analysis, access, owner) else owner


def _is_given_to(analysis: Analysis, access: Access, owner: ModuleSymbol) -> bool:
    """The owner itself is handed it: `config.load(os.environ)`, `Settings(read=os.environ.get)`."""
    way = access.mention.expression
    asking = ("attribute", way, *access.mention.where[1:])
    for call in access.scope.facts.calls:
        if call.line <= access.line <= call.end_line and (way in call.given or asking in call.given):
            match analysis.receivers.value(call.callee, access.scope):
                case Routine(function=FunctionSymbol(module=module)) | TypeOf(kind=ClassSymbol(module=module)):
                    return place_of(module) == place_of(owner)
    return False


def _is_way_in(access: Access) -> bool:
    """What is handed out is not one variable but the way to all: `partial(os.getenv)`, `get=os.environ.get`."""
    return call_of(access.scope, access.mention) is None and access.mention.where[0] in ("attribute", "argument", "default")


def _is_asked_by_nobody(access: Access) -> bool:
    """Nobody calls a lambda or `__getattr__` by its name with the name of a variable: it is made for whichever comes."""
    return access.scope.facts.sort == LAMBDA or access.scope.name in ("__getattr__", "__getitem__", "__missing__", "__get__")


def _is_put_together(analysis: Analysis, access: Access) -> bool:
    """A name that begins as no library's or provider's do."""
    begins = beginning_of(analysis, key_of(access), access.scope) or _beginning_gone_over(access)
    return bool(begins) and not OF_LIBRARIES.fullmatch(f"{begins}X") and analysis.once(VariableNames).is_own(f"{begins}X")


def _beginning_gone_over(access: Access) -> str:
    """`APP_` of `os.environ[key] for key in os.environ if key.startswith("APP_")`."""
    for call in access.scope.facts.calls:
        if last_name(call.callee) == "startswith" and call.line == access.line and call.arguments:
            return str(call.arguments[0][1]) if call.arguments[0][0] == "string" else ""
    return ""


def _is_matched(access: Access) -> bool:
    """`match os.environ:`, whose patterns are the variables."""
    blocks = access.scope.facts.blocks
    return access.mention.where[0] == "compare" and any(
        each.what == "case" and access.mention.expression in each.expressions for each in blocks
    )


def _asked_of_callers(analysis: Analysis, access: Access) -> Nameless | None:
    """A function that is given the name, and by whom it is asked for a variable of the program's."""
    keepers = analysis.once(Keepers)
    for asked in analysis.once(_lookups_by_function).get(access.scope, ()):
        if not is_edge(asked.module) and (keeper := keepers.passed(replace(access, variable=asked.variable))) is not None:
            return Nameless(access, keeper.place, f"`{asked.variable}` is read from the environment past `{keeper.place.name}`")
    return None


def _lookups_by_function(analysis: Analysis) -> dict[FunctionSymbol, list[Access]]:
    """What each function that is given the name of a variable is asked for."""
    found: dict[FunctionSymbol, list[Access]] = {}
    for asked in analysis.once(lookups):
        match analysis.receivers.value(asked.mention.expression, asked.scope):
            case Routine(function=function):
                found.setdefault(function, []).append(asked)
    return found


def _named_by_others(analysis: Analysis, access: Access) -> str | None:
    """Whoever asks names the variable, and gets what it holds: a model that uses a tool, or a user by a request."""
    key = key_of(access)
    if key is None or analysis.once(ClearOwners).is_of_a_script(access):
        return None
    if is_tool(analysis, access.scope) and _is_parameter(key, access.scope):
        return "a model"
    if analysis.once(HeldSettings).holds(access.module) or access.scope not in analysis.reach.entries:
        return None
    if analysis.reach.path_to(access.scope) and analysis.once(Origins).of(key, access.scope, access.line) is not None:
        return "a user"
    return None


def _is_parameter(key: Expression, scope: FunctionSymbol) -> bool:
    return key[0] == "name" and any(each.name == key[1] for each in scope.facts.parameters)


def _is_shown_to_templates(access: Access) -> bool:
    """`templates.env.globals["env"] = os.environ`, `env.globals.update(env=os.environ)`."""
    match access.mention.where:
        case ("assign", ("subscript", ("attribute", _, "globals"), _)):
            return True
        case ("argument", int(index), _):
            match access.scope.facts.calls[index].callee:
                case ("attribute", ("attribute", _, "globals"), "update"):
                    return True
    return False


def _is_looked_through(access: Access) -> bool:
    """More than the names, and not to give them to a child process."""
    facts = access.scope.facts
    match access.mention.where:
        case ("default",):
            return True
        case ("assign", ("attribute", *_)) | ("compare",) | ("operator",) | ("format",) | ("return",) | ("await",) | ("yield",):
            return not _has_children(access.scope)
        case ("attribute", str(name)) if name in COPYING:
            return _is_asked_at_once(access)
        case ("attribute", str(name)):
            return name in WALKING and not _are_chosen(access) and not _has_children(access.scope)
        case ("argument", int(index), str(name)):
            return name not in ENV and not _is_to_be_filled(access, index) and not _has_children(access.scope)
        case ("argument", int(index), _):
            name = last_name(facts.calls[index].callee) or ""
            if name in COPYING:
                return _is_asked_at_once(access)
            return name not in COUNTING and not _is_to_be_filled(access, index) and not _has_children(access.scope)
    return False


def _are_chosen(access: Access) -> bool:
    """Of all that are gone over, some are taken, by a list of their names: `if name in ALLOWED`."""
    facts = access.scope.facts
    walked = [each.target[1] for each in facts.assignments if each.line == access.line and each.target[0] == "name"][:1]
    return any(each.name in walked and each.where == ("compare",) for each in facts.uses)


def _is_to_be_filled(access: Access, index: int) -> bool:
    """It is handed over to be written into: nobody takes what the call gives (`inject(os.environ)`), or the environment does
    (`os.environ.update(cleaned(given, os.environ))`).
    """
    calls = access.scope.facts.calls
    match calls[index].where:
        case ("statement",):
            return True
        case ("argument", int(outer), _):
            return calls[outer].callee == ("attribute", access.mention.expression, "update")
    return False


def _has_children(scope: FunctionSymbol) -> bool:
    """It gives an environment on to somebody: E103 looks at that."""
    facts = scope.facts
    return any(ENV & dict(call.keywords).keys() for call in facts.calls)


def _is_asked_at_once(access: Access) -> bool:
    """`dict(os.environ)["KEY"]`, or a copy with which nothing is done but that it is asked."""
    facts = access.scope.facts
    copies = [
        ("call", index)
        for index, call in enumerate(facts.calls)
        if (call.line, call.column) == (access.line, access.column) or access.mention.expression in call.arguments
    ]
    names = [each.target for each in facts.assignments if each.value in copies and each.target[0] == "name"]
    if any(call.callee[:2] == ("attribute", copy) and call.callee[2] == "get" for call in facts.calls for copy in copies):
        return True
    values = [each.value for each in facts.assignments] + [each.value for each in facts.returned]
    values += [given for call in facts.calls for given in call.given]
    if any(each[0] == "subscript" and each[1] in copies for each in values):
        return True
    return bool(names) and all(_is_only_asked(name, access.scope) for name in names)


def _is_only_asked(name: Expression, scope: FunctionSymbol) -> bool:
    uses = [each for each in scope.facts.uses if each.name == name[1]]
    return bool(uses) and all(each.where[0] == "subscript" or each.where == ("attribute", "get") for each in uses)


def _by_kernel(analysis: Analysis) -> Iterator[Access]:
    """`open("/proc/self/environ")`."""
    for scope, _, call in analysis.calls_of(*OPENING):
        match call.arguments[:1]:
            case (("string", str(path)),) if BY_KERNEL.fullmatch(path):
                mention = Mention(call.callee, ("called",), call.line, call.column)
                yield Access(scope, Touch.READ, "", None, call.line, call.column, call.end_line, mention)
