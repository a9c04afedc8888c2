"""E105."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of, text_of
from netra.guard.environment import EXPANDING, Access, Touch, outside
from netra.guard.facts import Expression, last_name
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.keepers import Keepers
from netra.guard.ownership import ClearOwners
from netra.guard.reporting import of_access, past_owner
from netra.guard.requests.origins import Origins
from netra.guard.requests.passing import pairs
from netra.guard.requests.tools import is_tool
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Routine
from netra.guard.variables import VariableNames

# What a template asks for: `$NAME`, `${NAME}`, `{NAME}`, `%(NAME)s`.
ASKED_FOR: Final = re.compile(r"\$\{?(\w+)|\{(\w+)|%\((\w+)\)")

# Names and callers between a request and the text that is expanded.
FURTHEST: Final = 4

GIVE: Final = "put in the few values that the text may ask for, by their names"


@rule("E105", "variables-expanded", owned=True, hesitant=True)
def variables_expanded(analysis: Analysis) -> Iterator[Sighting]:
    """Variables in a text are replaced by what the environment holds.

    Whoever writes the text reads the environment: `os.path.expandvars("$DATABASE_PASSWORD")` in a path, a template or a setting
    of a user gives out the secret.

    ```python
    path = os.path.expandvars(request.path)  # E105
    ```

    Guard is certain where one module clearly owns the environment (E102 says when), and the text is written down and names a
    variable: `os.path.expandvars("$UPLOADS/new")` is a read like any other. Facts about the machine (`$HOME`) are left alone.
    It is certain, too, where somebody else has written the text: it comes with a request, a model asks a tool with it, or it is
    the template, given by a caller, that a function of a server fills with all variables.
    """
    for access, owners in outside(analysis, Touch.EXPAND, Touch.WHOLE, without_owner=True):
        if access.touch is Touch.WHOLE and not _fills_a_template(access):
            continue
        clear = None if owners.configured else _passed(analysis, access)
        writer = None if owners.configured else _writer(analysis, access)
        if clear is not None:
            message = f"`{access.variable}` is read from the environment by the text that it stands in"
            yield past_owner(access, clear, message, CERTAIN)
        elif writer is not None:
            message = f"variables of the environment are expanded in a text that {writer} has written"
            place = (access.scope, access.line, access.column, access.end_line)
            yield Sighting(*place, message, (), Mend(GIVE), CERTAIN)
        elif not owners.configured and (kept := _passed_by_a_template(analysis, access)) is not None:
            yield past_owner(access, kept, "variables of the environment are expanded in a text", CERTAIN)
        elif owners and access.touch is Touch.EXPAND:
            yield of_access(analysis, access, owners, "variables of the environment are expanded in a text")


def _passed(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """The clear owner, or the keeper that is at hand, where the text names a setting of the program."""
    clear, keepers = analysis.once(ClearOwners), analysis.once(Keepers)
    if not access.variable or clear.is_of_a_script(access):
        return None
    keeper = keepers.at_hand(access)
    if keeper is not None and keepers.is_of_program(access.variable, keeper):
        return keeper.place
    return clear.over(access) if analysis.once(VariableNames).is_own(access.variable) else None


def _writer(analysis: Analysis, access: Access) -> str | None:
    """Who has written the text, where that is no part of the program: a user, by a request, or a model that uses a tool."""
    clear = analysis.once(ClearOwners)
    if clear.is_of_a_script(access):
        return None
    for text in _texts(access):
        if _is_of_a_request(analysis, text, access.scope, FURTHEST):
            return "a user"
        if analysis.reach.path_to(access.scope) and analysis.once(Origins).of(text, access.scope, access.line) is not None:
            return "a user"
        if is_tool(analysis, access.scope) and _is_of_a_parameter(text, access.scope):
            return "a model"
        if access.touch is Touch.WHOLE and clear.is_served(access) and _is_of_a_parameter(text, access.scope):
            return "a caller"
    return None


def _passed_by_a_template(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """All variables are there for a text that is written down and asks for one of the program's: `"{APP_KEY}".format(…)`."""
    keepers = analysis.once(Keepers)
    keeper = None if access.variable else keepers.at_hand(access)
    if keeper is None:
        return None
    texts = (text_of(analysis, text, access.scope) for text in _texts(access))
    names = (name for text in texts for found in ASKED_FOR.findall(text) for name in found if name)
    return keeper.place if any(name.isupper() and keepers.is_of_program(name, keeper) for name in names) else None


def _is_of_a_request(analysis: Analysis, text: Expression, scope: FunctionSymbol, depth: int) -> bool:
    """It is taken out of what a route, a task or a service is given, here or by who calls the function with it."""
    entry = analysis.reach.entries.get(scope)
    name = _root(text, scope)
    if name is None or not depth:
        return False
    for each in scope.facts.assignments:
        assigned = each.target == ("name", name) and each.value != text and each.how in ("=", "annotated")
        if assigned and _is_of_a_request(analysis, each.value, scope, depth - 1):
            return True
    parameter = next((each for each in scope.facts.parameters if each.name == name), None)
    if parameter is None or name in ("self", "cls"):
        return False
    if entry is not None:
        return entry.serves and (parameter.default is None or parameter.default[0] != "call")
    for caller, _, call in analysis.calls_of(scope.name):
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=function) if function is scope:
                given = dict(
                    pairs(call, scope, 1 if scope.owner is not None and "staticmethod" not in scope.decorator_names else 0)
                )
                if name in given and _is_of_a_request(analysis, given[name], caller, depth - 1):
                    return True
    return False


def _root(text: Expression, scope: FunctionSymbol) -> str | None:
    """`request` of `request.path.strip()`, `(await request.json())["path"]`, `str(request.path)`, `f"{request.path}/x"`."""
    match text:
        case ("name", str(name)):
            return name
        case ("attribute" | "subscript" | "await", inner, *_):
            return _root(inner, scope)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[0] == "attribute" and call.callee[1][0] != "string":
                found = _root(call.callee[1], scope)
                if found is not None and (found in scope.parameters or found in scope.assigned):
                    return found
            return next((found for each in call.given if (found := _root(each, scope)) is not None), None)
        case ("operator", _, *parts) | ("formatted" | "choice", parts):
            return next((found for each in parts if (found := _root(each, scope)) is not None), None)
    return None


def _texts(access: Access) -> Iterator[Expression]:
    """What variables are expanded in."""
    facts = access.scope.facts
    call = call_of(access.scope, access.mention)
    if access.touch is Touch.EXPAND and call is not None:
        yield from call.arguments[:1]
        return
    for each in facts.calls:
        if last_name(each.callee) in EXPANDING and each.callee[0] == "attribute" and each.line >= access.line:
            inner = each.callee[1]
            if inner[0] == "call":  # `Template(text).substitute(…)`
                yield from facts.calls[inner[1]].arguments[:1]
            else:
                yield inner


def _fills_a_template(access: Access) -> bool:
    """All variables, or a dict that has them among others, are what a template is filled with."""
    facts = access.scope.facts
    holding = [each.target for each in facts.assignments if each.line == access.line and _has(each.value, access)]
    calls = (each for each in facts.calls if last_name(each.callee) in EXPANDING and each.line >= access.line)
    return any(given in holding or _has(given, access) for call in calls for given in call.given)


def _has(value: Expression, access: Access) -> bool:
    match value:
        case ("dict", pairs):
            return any(_has(each, access) for _, each in pairs)
        case ("call", int(index)):
            call = access.scope.facts.calls[index]
            given = call.given
            return last_name(call.callee) == "dict" and any(_has(each, access) for each in given)
        case ("star", inner):
            return _has(inner, access)
    return value == access.mention.expression


def _is_of_a_parameter(expression: Expression, scope: FunctionSymbol) -> bool:
    """It is an argument of the function, or taken out of one."""
    match expression:
        case ("name", str(name)):
            return any(each.name == name for each in scope.facts.parameters) and name not in ("self", "cls")
        case ("subscript" | "attribute" | "await", inner, *_):
            return _is_of_a_parameter(inner, scope)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if any(_is_of_a_parameter(each, scope) for each in call.arguments):
                return True
            return call.callee[0] == "attribute" and _is_of_a_parameter(call.callee[1], scope)
    return False
