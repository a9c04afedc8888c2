"""E105."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of, text_of
from netra.guard.asked_by_shells import shell_reads
from netra.guard.environment import EXPANDING, Access, Touch, is_edge, outside
from netra.guard.facts import Expression, last_name
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.keepers import Keepers
from netra.guard.keeping import SECRET
from netra.guard.lookups import key_of
from netra.guard.ownership import ClearOwners
from netra.guard.reporting import of_access, past_owner
from netra.guard.requests.chats import is_of_chat
from netra.guard.requests.origins import Origins
from netra.guard.requests.passing import pairs
from netra.guard.requests.request_values import RequestValues
from netra.guard.requests.tools import is_tool
from netra.guard.rule import rule
from netra.guard.settings import values_of
from netra.guard.symbols import FunctionSymbol, ModuleSymbol, VariableSymbol
from netra.guard.values import Routine
from netra.guard.variables import VariableNames

# What a template asks for: `$NAME`, `${NAME}`, `{NAME}`, `%(NAME)s`.
ASKED_FOR: Final = re.compile(r"\$\{?(\w+)|\{(\w+)|%\((\w+)\)")

# These fill a template, those of template engines too.
FILLING: Final = EXPANDING | {"render", "render_async"}

# They make a template of a text.
TEMPLATES: Final = frozenset({"Template", "from_string"})

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
    variable: `os.path.expandvars("$UPLOADS/new")` is a read like any other, and so is `"$UPLOADS/new"` in a text that a shell
    is given with the environment of the program. Facts about the machine (`$HOME`) are left alone.
    It is certain, too, where somebody else has written the text: it comes with a request, a model asks a tool with it, or it is
    the template, given by a caller, that a function of a server fills with all variables. So is `~` in a path out of a chat.
    """
    for access, owners in outside(analysis, Touch.EXPAND, Touch.WHOLE, Touch.READ, without_owner=True):
        if access.touch is Touch.READ:
            yield from () if owners.configured else _looked_up(analysis, access)
            continue
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
    if not analysis.configuration.owner:
        yield from _asked_by_a_shell(analysis)
    yield from _homes_told(analysis)


def _asked_by_a_shell(analysis: Analysis) -> Iterator[Sighting]:
    """A setting of the program's own, as its name tells or its owner asks for it, in a text that a shell is given."""
    keepers = analysis.once(Keepers)
    for access in shell_reads(analysis):
        keeper = None if is_edge(access.module) else keepers.at_hand(access)
        if keeper is not None and (access.variable in keeper.variables or keepers.begins_as_own(access, keeper)):
            message = f"`{access.variable}` is read from the environment by the shell that runs the text"
            yield past_owner(access, keeper.place, message, CERTAIN)
        elif SECRET.search(access.variable) and access.variable in keepers.held_beside(access):
            message = f"`{access.variable}` is put by a shell into the arguments of what it runs, past the settings beside"
            yield past_owner(access, access.module, message, CERTAIN)


def _homes_told(analysis: Analysis) -> Iterator[Sighting]:
    """`~root` of a path that somebody writes in a chat becomes a folder of this machine: nobody there has a home on it."""
    values = analysis.once(RequestValues)
    for scope, _, call in analysis.calls_of("expanduser"):
        text = call.arguments[0] if call.arguments else None
        if text is None and call.callee[0] == "attribute" and call.callee[1][0] == "call":
            text = next(iter(scope.facts.calls[call.callee[1][1]].arguments), None)  # `Path(name).expanduser()`
        leading = analysis.reach.routes_to(scope) if text is not None else ()
        if text is None or not leading or not all(map(is_of_chat, leading)):
            continue
        if (steps := values.arrived(text, scope)) is not None:
            place = (scope, call.line, call.column, call.end_line)
            message = "`~` is expanded in a path that a user has written"
            yield Sighting(*place, message, steps, Mend("take it as it stands, below a folder of its own"), CERTAIN)


def _looked_up(analysis: Analysis, access: Access) -> Iterator[Sighting]:
    """Each match in a text is looked up: `pattern.sub(lambda found: os.environ[found[1]], text)`."""
    function = access.scope
    key = None if access.variable else key_of(access)
    around = function.parent
    if key is not None and key[0] == "name" and len(named := function.assigned.get(key[1], [])) == 1:
        key = named[0].value
    if key is None or around is None or not function.facts.parameters or not _is_of_a_parameter(key, function):
        return
    for scope, _, call in analysis.calls_of("sub", "subn"):
        given = (*call.arguments, *[value for name, value in call.keywords if name == "repl"])
        number = next((number for number, each in enumerate(given) if _is_function(analysis, each, scope, function)), None)
        if number is None or len(call.arguments) <= number + 1:
            continue
        if (writer := _written_by(analysis, access, call.arguments[number + 1], scope, call.line)) is not None:
            message = f"variables of the environment are looked up for a text that {writer} has written"
            place = (access.scope, access.line, access.column, access.end_line)
            yield Sighting(*place, message, (), Mend(GIVE), CERTAIN)
            return


def _is_function(analysis: Analysis, given: Expression, scope: FunctionSymbol, function: FunctionSymbol) -> bool:
    if given[0] == "lambda":
        return scope.module is function.module and given[1] == function.facts.number
    if last_name(given) != function.name:
        return False
    match analysis.receivers.value(given, scope):
        case Routine(function=found):
            return found is function
    return False


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
    writers = (_written_by(analysis, access, text, access.scope, access.line) for text in _texts(access))
    return next((each for each in writers if each is not None), None)


def _written_by(analysis: Analysis, access: Access, text: Expression, scope: FunctionSymbol, line: int) -> str | None:
    clear = analysis.once(ClearOwners)
    if clear.is_of_a_script(access):
        return None
    if _is_of_a_request(analysis, text, scope, FURTHEST):
        return "a user"
    if analysis.reach.path_to(scope) and analysis.once(Origins).of(text, scope, line) is not None:
        return "a user"
    if is_tool(analysis, scope) and _is_of_a_parameter(text, scope):
        return "a model"
    if access.touch is Touch.WHOLE and clear.is_served(access) and _is_of_a_parameter(text, scope):
        return "a caller"
    return None


def _passed_by_a_template(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """All variables are there for a text that is written down and asks for one of the program's: `"{APP_KEY}".format(…)`."""
    keepers = analysis.once(Keepers)
    keeper = None if access.variable else keepers.at_hand(access)
    if keeper is None:
        return None
    texts = (_text_written(analysis, text, access.scope) for text in _texts(access))
    names = (name for text in texts for found in ASKED_FOR.findall(text) for name in found if name)
    return keeper.place if any(name.isupper() and keepers.is_of_program(name, keeper) for name in names) else None


def _text_written(analysis: Analysis, text: Expression, scope: FunctionSymbol) -> str:
    """A text that is written down, also of the template that a name has: `QUERY = Template("$APP_HOST/$page")`."""
    if (found := text_of(analysis, text, scope)) or text[0] not in ("name", "attribute"):
        return found
    match analysis.program.evaluate(text, scope):
        case VariableSymbol(scope=holder, name=name) if name not in holder.parameters:
            match [each.value for each in holder.assigned.get(name, ())]:
                case [("call", int(index))] if last_name(holder.facts.calls[index].callee) in TEMPLATES:
                    return next((text_of(analysis, each, holder) for each in holder.facts.calls[index].arguments[:1]), "")
    return ""


def _is_of_a_request(analysis: Analysis, text: Expression, scope: FunctionSymbol, depth: int) -> bool:
    """It is taken out of what a route, a task or a service is given, here or by who calls the function with it."""
    entry = analysis.reach.entries.get(scope)
    name = _root(text, scope)
    if name is None or not depth:
        return False
    for each in scope.facts.assignments:
        assigned = each.target == ("name", name) and each.value != text and each.how in ("=", "annotated", "for", "unpack")
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
    yield from _replaced_in(access)
    for each in facts.calls:
        if last_name(each.callee) in FILLING and each.callee[0] == "attribute" and each.line >= access.line:
            inner = each.callee[1]
            if inner[0] == "call":  # `Template(text).substitute(…)`, `surroundings.from_string(text).render(…)`
                yield from facts.calls[inner[1]].arguments[:1]
            else:
                yield inner


def _replaced_in(access: Access) -> Iterator[Expression]:
    """`text` of `for name, value in os.environ.items(): text = text.replace(name, value)`, and of `text % os.environ`."""
    facts = access.scope.facts
    if access.mention.where == ("attribute", "items"):
        loops = [each for each in facts.blocks if each.what == "loop" and access.line in (each.head, each.line - 1)]
        for call in facts.calls:
            replacing = last_name(call.callee) == "replace" and call.callee[0] == "attribute" and len(call.arguments) > 1
            if replacing and any(each.line <= call.line <= each.end_line for each in loops):
                yield call.callee[1]
    elif access.mention.where[0] in ("operator", "format"):
        for value in values_of(access.scope):
            if value[:2] == ("operator", "%") and value[3] == access.mention.expression:
                yield value[2]


def _fills_a_template(access: Access) -> bool:
    """All variables, or a dict that has them among others, are what a template is filled with."""
    facts = access.scope.facts
    if any(True for _ in _replaced_in(access)):
        return True
    holding = [each.target for each in facts.assignments if each.line == access.line and _has(each.value, access)]
    calls = (each for each in facts.calls if last_name(each.callee) in FILLING and each.line >= access.line)
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
