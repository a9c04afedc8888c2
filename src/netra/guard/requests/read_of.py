"""What a function reads of an object that it is given, itself, by functions within it, or by those to which it hands it on.

def tools_for(who):
    async def read(path):
        return await get(path, headers={"Authorization": who.token})  # `token` is read of `who`
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.apart import OF_TENANTS
from netra.guard.requests.keys import unfolded
from netra.guard.requests.passing import pairs
from netra.guard.requests.sharing import Write
from netra.guard.requests.words import OF_A_USER
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

# Calls that are followed, one behind another.
FURTHEST: Final = 3

# What is only written to a log makes nothing.
LOGGING: Final = frozenset("debug info warning error exception critical log print bind".split())

# What many belong to who are told apart, and what each of them signs in with.
TOGETHER: Final = OF_TENANTS | {each.removesuffix("_id") for each in OF_TENANTS}
OF_ONE: Final = frozenset("password token".split())

# By these an object is one person's, beside where that one belongs.
PERSONAL: Final = frozenset("user_id user username sub email login current_user".split())


def signed_in_for_one(analysis: Analysis, write: Write) -> tuple[str, tuple[Step, ...]] | None:
    """What acts with the token of one is kept for all who belong where that one does, and what reads the token.

    `graphs[who.workspace] = agent(tools_for(who))`, where `tools_for` reads `who.token`.
    """
    scope = write.scope
    whole = None if write.key is None else _whose_place(write.key, scope)
    if whole is None or not _is_person(analysis, whole, scope):
        return None
    waiting, seen = [write.value], set[Expression]()
    while waiting:
        for part in within(waiting.pop(), scope):
            if part[0] == "name" and part not in seen and part != whole and part[1] not in scope.parameters:
                seen.add(part)
                waiting += [each.value for each in scope.assigned.get(part[1], ()) if each.line <= write.line]
            if part[0] == "attribute" and part[1] == whole and _is_of_one(part[2]):
                return part[2], (Step(scope.module.path, write.line, f"it is made with the `{part[2]}` of one"),)
            if part[0] == "call" and whole in scope.facts.calls[part[1]].given:
                for name, step in read_of(analysis, scope.facts.calls[part[1]], whole, scope).items():
                    if _is_of_one(name):
                        return f"{whole[-1]}.{name}", (step,)
    return None


def _whose_place(key: Expression, scope: FunctionSymbol) -> Expression | None:
    """The one of whom a key has no more than where they belong: `who` of `f"graph:{who.workspace}"`."""
    key = unfolded(key, scope)
    told = [each for each in (key[1] if key[0] in ("tuple", "formatted") else (key,)) if each[0] not in ("string", "constant")]
    if not told or not all(each[0] == "attribute" and each[1][0] == "name" and each[2] in TOGETHER for each in told):
        return None
    owners = {each[1] for each in told}
    return owners.pop() if len(owners) == 1 else None


def _is_of_one(name: str) -> bool:
    return name in OF_ONE or name.endswith("_token")


def _is_person(analysis: Analysis, whole: Expression, scope: FunctionSymbol) -> bool:
    match analysis.receivers.value(whole, scope):
        case Instance(kind=kind) if not kind.module.library:
            order = analysis.program.order(kind)[0]
            return any(not PERSONAL.isdisjoint((*each.body.assigned, *each.set_on_self)) for each in order)
    return whole[1] in OF_A_USER


def read_of(analysis: Analysis, call: CallSite, given: Expression, scope: FunctionSymbol, depth: int = 0) -> dict[str, Step]:
    """The attributes that a call reads of something that it is given, each with the place of the first that does."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function, bound=bound) if not function.module.library:
            shift = 1 if bound and function.owner is not None else 0
        case TypeOf(kind=kind) if not kind.module.library and "__init__" in kind.methods:
            function, shift = kind.methods["__init__"][0], 1
        case _:
            return {}
    found: dict[str, Step] = {}
    for name, value in pairs(call, function, shift):
        if value == given:
            _read_by(analysis, function, name, depth, found)
    return found


def _read_by(analysis: Analysis, function: FunctionSymbol, name: str, depth: int, found: dict[str, Step]) -> None:
    given = ("name", name)
    if function.assigned.get(name):
        return
    facts = function.facts
    for call in facts.calls:
        if last_name(call.callee) in LOGGING:
            continue
        for part in (each for one in (call.callee, *call.given) for each in within(one, function) if each[0] == "attribute"):
            if part[1] == given:
                found.setdefault(part[2], Step(function.module.path, call.line, f"`{function.name}` reads `{name}.{part[2]}`"))
        if given in call.given and depth < FURTHEST:
            for attribute, step in read_of(analysis, call, given, function, depth + 1).items():
                found.setdefault(attribute, step)
    made = [(each.value, each.line) for each in facts.assignments] + [(each.value, each.line) for each in facts.returned]
    for value, line in made:
        for part in within(value, function):
            if part[0] == "attribute" and part[1] == given:
                found.setdefault(part[2], Step(function.module.path, line, f"`{function.name}` reads `{name}.{part[2]}`"))
    for child in function.children:
        if name not in child.bound and name in child.facts.loads:
            _read_by(analysis, child, name, depth, found)
