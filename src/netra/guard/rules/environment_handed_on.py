"""E103."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.answered import answered, logged
from netra.guard.children import OF_TOOLS, spared_takers, spares_another
from netra.guard.entries.sorts import ROUTE
from netra.guard.environment import LOGGING, Access, Owners, Touch, accesses, is_edge, outside
from netra.guard.facts import BODY, TOP, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.handing import HandedEnvironment, handings, is_elsewhere, is_within_a_function, secrets_for_nothing
from netra.guard.holdings import Holdings
from netra.guard.keepers import Keepers
from netra.guard.keeping import SECRET
from netra.guard.nameless import looked_through
from netra.guard.ownership import ClearOwners
from netra.guard.reporting import of_access, past_owner
from netra.guard.requests.origins import Origins
from netra.guard.requests.tools import is_tool
from netra.guard.requests.ways import way_to
from netra.guard.rule import rule
from netra.guard.settings import values_of
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Routine, Step

# What the program runs by this is a part of itself.
ITSELF: Final = ("attribute", ("name", "sys"), "executable")

# They run what they are given: a text behind a flag, or a file.
INTERPRETER: Final = re.compile(r"python[\d.]*|node|deno|bun|ruby|perl|php|(?:ba|z|da)?sh")
RUNNING_A_TEXT: Final = frozenset({("string", "-c"), ("string", "-e"), ("string", "-r"), ("string", "--eval")})

# What a function calls the environment of a child.
ENV: Final = frozenset({"env", "environ", "environment"})

# So many of the calls that hand them on are shown.
MOST_SHOWN: Final = 3

COPYING: Final = frozenset({"dict", "copy", "deepcopy"})


@rule("E103", "environment-handed-on", owned=True, hesitant=True)
def environment_handed_on(analysis: Analysis) -> Iterator[Sighting]:
    """The whole environment is copied or handed on, with every secret that is in it.

    `env={**os.environ}` gives a child process the database's password and every key of the server; whoever can make the child
    print its environment has them.

    ```python
    subprocess.run(command, env=os.environ.copy())  # E103
    ```

    With an owner in the configuration, everything outside it is reported. Without one, guard reports it where a program serves
    somebody and holds nearly all its settings in one place: a function gives all variables to a child by `env=`, a route
    answers with them or they are logged. A supervisor that starts its own workers has to hand them on: what runs
    `sys.executable` or a module of the program is left alone.

    Guard is certain of a server whose module of settings (E101 says which) asks for secrets, where a route answers with the
    variables, or where a child gets them that a tool of a model starts, or whose command comes with a request, or over which is
    laid what comes with one, names and all (`env={**os.environ, **asked.env}`). A fixed program (`git`) that a request only
    gives arguments is likely at most, unless the same module gives another child only the variables that it has chosen; then
    no request need lead there.

    A route that answers with all variables, each with what it holds, is told of whoever owns them, and so is what is logged or
    printed while somebody is served.

    So it is where a server's module of settings was at hand, and all variables are looked through instead: gone over with what
    they hold, laid under something else (`ChainMap(options, os.environ)`), the default of a parameter, or put among the globals
    of a template engine.

    Of a tool whose command is what its model asks for (`execute(self, command)`) guard is certain whoever holds the settings.
    A server of tools whose command is given (`StdioServerParameters(command=command, env={**os.environ})`) is likely at most.

    And so it is of a secret, written down among what a child gets, where that is a program which signs in nowhere: what packs,
    converts or counts files.

    Give a child the few variables that it needs: `PATH`, `HOME`, and what it was started for.
    """
    message = "the whole environment is handed on, secrets included"
    told: set[Access] = set()
    for access, owners in (*outside(analysis, Touch.WHOLE, without_owner=True), *_beside_settings(analysis)):
        if owners.configured:
            yield of_access(analysis, access, owners, message)
        elif (keeper := _with_secrets(analysis, access)) is not None:
            told.add(access)
            sighting = past_owner(access, keeper, message, CERTAIN)
            yield sighting._replace(why=(*sighting.why, *_way_of(analysis, access)))
        elif (step := _written_by_a_model(analysis, access) or _of_others(access)) is not None:
            told.add(access)
            sure = CERTAIN if is_tool(analysis, access.scope) else LIKELY
            mend = Mend("give it the few variables that it needs")
            yield Sighting(access.scope, access.line, access.column, access.end_line, message, (step,), mend, sure)
        elif _is_for_others(analysis, access) and (owner := analysis.once(Holdings).owner_of(access.module)) is not None:
            yield past_owner(access, owner, message)
    if not analysis.configuration.owner:
        for access, how in (
            *((each, "a route answers with the whole environment") for each in answered(analysis)),
            *((each, "the whole environment is logged") for each in logged(analysis)),
        ):
            if access not in told and not is_edge(access.module):
                told.add(access)
                place = (access.scope, access.line, access.column, access.end_line)
                way = way_to(analysis, access.scope)
                mend = Mend("show the few variables that others may see")
                yield Sighting(*place, f"{how}, secrets included", way, mend, CERTAIN)
        for each in looked_through(analysis):
            if each.owner is not None and each.access not in told:
                yield past_owner(each.access, each.owner, each.message, CERTAIN)
        for secret in secrets_for_nothing(analysis):
            call, why = secret.call, f"`{secret.variable}` is a secret that `{secret.program}` has no use for"
            place = (secret.scope, call.line, call.column, call.end_line)
            yield Sighting(*place, why, (), Mend("give it the few variables that it needs"), CERTAIN)


def _beside_settings(analysis: Analysis) -> Iterator[tuple[Access, Owners]]:
    """In a program of one file the class of settings is no reason to hand on all of the environment elsewhere in it."""
    for access in analysis.once(accesses) if not analysis.configuration.owner else ():
        held = access.touch is Touch.WHOLE and analysis.once(Keepers).held_beside(access)
        if held and _with_secrets(analysis, access) is access.module:
            yield access, Owners((), False)


def _with_secrets(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """The keeper of the program's settings, secrets among them, which the environment of a server has as well."""
    clear = analysis.once(ClearOwners)
    if not (_is_for_others(analysis, access) or _is_answered(analysis, access)) or clear.is_of_a_script(access):
        return None
    handed = [*analysis.once(handings).get(access, ()), *_handing_on(analysis, access)]
    led = _is_answered(analysis, access) or _answers(analysis, access) or _is_led_from_outside(analysis, access)
    spared = (_goes_to_a_child(access) or bool(handed)) and _is_an_exception(analysis, access, handed)
    if not led and not spared:
        return None
    # Who spares another child knows what this one is given.
    keepers = (each for each in analysis.once(Keepers).of(access.module) if each.secrets or spared)
    keeper = next(keepers, None)
    if keeper is None:
        beside = any(map(SECRET.search, analysis.once(Keepers).held_beside(access)))
        return access.module if beside and clear.is_served(access) else None
    served = any(clear.is_served(replace(access, scope=each)) for each in (access.scope, *(one.scope for one in handed)))
    return keeper.place if served or analysis.once(Keepers).is_imported(access.module, keeper) else None


def _written_by_a_model(analysis: Analysis, access: Access) -> Step | None:
    """A tool starts a child with all variables, whose command is what a model has asked the tool for."""
    scope = access.scope
    if scope.module.in_tests or not _goes_to_a_child(access) or not is_tool(analysis, scope):
        return None
    for call in scope.facts.calls:
        command = call.arguments[0] if "env" in dict(call.keywords) and call.arguments else None
        if command is not None and not _is_fixed(command, scope) and command[0] == "name" and command[1] in scope.parameters:
            return Step(scope.module.path, call.line, f"`{command[1]}` is what a model writes, and may print them all")
    return None


def _of_others(access: Access) -> Step | None:
    """A server of tools, of whoever's command is given, gets all variables: a client of MCP gives it only a few by itself."""
    scope = access.scope
    if scope.facts.sort in (BODY, TOP) or is_edge(scope.module) or not _goes_to_a_child(access) or _starts_itself(scope):
        return None
    for call in scope.facts.calls:
        given = dict(call.keywords)
        command = given.get("command", call.arguments[0] if call.arguments else None)
        if last_name(call.callee) in OF_TOOLS and "env" in given and command is not None and not _is_fixed(command, scope):
            return Step(scope.module.path, call.line, "whose program this is, is not known here")
    return None


def _way_of(analysis: Analysis, access: Access) -> Iterator[Step]:
    """Where others get them, and the calls that lead there."""
    handed = [*analysis.once(handings).get(access, ()), *_handing_on(analysis, access)]
    for scope in dict.fromkeys(each.scope for each in handed):
        yield from way_to(analysis, scope) or _called(analysis, scope)
        break
    places = dict.fromkeys((each.scope.module.path, each.call.line) for each in handed)
    yield from (Step(*each, "handed on here") for each in [*places][:MOST_SHOWN])


def _called(analysis: Analysis, scope: FunctionSymbol) -> Iterator[Step]:
    for caller, line in analysis.reach.callers(scope)[:MOST_SHOWN]:
        yield Step(caller.module.path, line, f"which leads to `{scope.facts.qualified}`")


def _is_an_exception(analysis: Analysis, access: Access, handed: list[HandedEnvironment]) -> bool:
    """Other children of the same module, or of who starts this one, get what is chosen for them."""
    scopes = (access.scope, *(each.scope for each in handed))
    if any(spares_another(analysis, each.module) for each in scopes):
        return True
    spared = analysis.once(spared_takers)
    called = (analysis.receivers.value(each.call.callee, each.scope) for each in handed) if spared else ()
    return any(isinstance(each, Routine) and each.function in spared for each in called)


def _is_answered(analysis: Analysis, access: Access) -> bool:
    """A route answers with the variables and their values: `return {name: value for name, value in os.environ.items()}`."""
    entry = analysis.reach.entries.get(access.scope)
    if entry is None or entry.sort != ROUTE or access.mention.where != ("attribute", "items"):
        return False
    return any(
        each.line == access.line and each.value[0] == "comprehension" and each.value[2][0] in ("name", "tuple")
        for each in access.scope.facts.returned
    )


def _is_for_others(analysis: Analysis, access: Access) -> bool:
    """A function gives all of it to a child process, which is no part of the program, or a route answers with it."""
    facts = access.scope.facts
    handed = [each for each in analysis.once(handings).get(access, ()) if is_within_a_function(each)]
    if (
        (facts.sort in (BODY, TOP) and not handed and not _starts_for_a_model(access))
        or (_is_searched(access) and not handed)
        or _is_put_back(analysis, access)
        or _starts_itself(access.scope)
        or any(_starts_itself(each.scope) for each in handed)
    ):
        return False
    logs = any(last_name(call.callee) in LOGGING and call.line <= access.line <= call.end_line for call in facts.calls)
    return bool(handed) or _answers(analysis, access) or logs or _goes_to_a_child(access) or any(_handing_on(analysis, access))


def _starts_for_a_model(access: Access) -> bool:
    """A server of tools, which a program describes while it is imported: `MCPServerStdio("files", env=dict(os.environ))`."""
    calls = (each for each in access.scope.facts.calls if each.line <= access.line <= each.end_line)
    return any(last_name(each.callee) in OF_TOOLS and "env" in dict(each.keywords) for each in calls)


def _answers(analysis: Analysis, access: Access) -> bool:
    """A route answers with all of it."""
    entry = analysis.reach.entries.get(access.scope)
    returned = access.scope.facts.returned
    return entry is not None and entry.sort == ROUTE and any(each.line <= access.line for each in returned)


def _handing_on(analysis: Analysis, access: Access) -> Iterator[HandedEnvironment]:
    """The callers of the function that gives them to its callers, as far as they hand them on as an `env`."""
    facts = access.scope.facts
    holding = [each.target for each in facts.assignments if each.line == access.line and _is_all(each.value, access)]
    if not any(each.value in holding or (each.line == access.line and _is_all(each.value, access)) for each in facts.returned):
        return
    for scope, _, call in analysis.calls_of(access.scope.name):
        match call.where:
            case ("argument", int(index), str(name)) if name in ENV:
                pass
            case ("argument", int(index), int(position)):
                outer = analysis.receivers.value(scope.facts.calls[index].callee, scope)
                given = dict(enumerate(_named(outer)))
                if given.get(position) not in ENV:
                    continue
            case _:
                continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if function is access.scope:
                yield HandedEnvironment(scope, call)


def _named(called: object) -> tuple[str, ...]:
    match called:
        case Routine(function=function, bound=bound):
            names = tuple(each.name for each in function.facts.parameters)
            return names[1:] if bound and function.owner is not None else names
    return ()


def _is_led_from_outside(analysis: Analysis, access: Access) -> bool:
    """What the child does, a model or a user says: a tool starts it, or something of a request is in its command."""
    handed = [*analysis.once(handings).get(access, ()), *_handing_on(analysis, access)]
    if any(is_elsewhere(analysis, each) for each in handed):
        return True
    scopes = {each.scope: None for each in handed} | ({access.scope: None} if _goes_to_a_child(access) else {})
    if _is_named_by_others(analysis, access):
        return True
    return any(is_tool(analysis, each) or _is_command_given(analysis, each) for each in scopes)


def _is_command_given(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """A child of the function is one that a request names."""
    if not analysis.reach.path_to(scope):
        return False
    origins = analysis.once(Origins)
    commands = ((each, call.line) for call in scope.facts.calls if "env" in dict(call.keywords) for each in call.arguments[:1])
    return any(not _is_fixed(each, scope) and origins.of(each, scope, line) is not None for each, line in commands)


def _is_named_by_others(analysis: Analysis, access: Access) -> bool:
    """What comes with a request is laid over all variables, names and all: `env={**os.environ, **asked.env}`.

    By such a name a program is told what to load (`LD_PRELOAD`), or where all that it does goes (`HTTP_PROXY`).
    """
    scope = access.scope
    if not analysis.reach.path_to(scope):
        return False
    origins = analysis.once(Origins)
    for call in scope.facts.calls:
        given = dict(call.keywords).get("env")
        values = [given] if given is not None and call.line <= access.line <= call.end_line else []
        if given is not None and given[0] == "name":
            values = [each.value for each in scope.assignments_on.get(access.line, ()) if each.target == given]
        laid = (part for each in values for part in _laid_over(each, scope))
        if any(origins.of(part, scope, call.line) is not None for part in laid):
            return True
    return False


def _laid_over(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """The mappings that a dict is made of beside single names: of `{**a, **b}`, `dict(a, **b)` and `a | b`, both."""
    match value:
        case ("dict", pairs):
            yield from (each for key, each in pairs if key == ("other",))
        case ("operator", "|", left, right):
            yield left
            yield right
        case ("call", int(index)) if scope.facts.calls[index].callee == ("name", "dict"):
            call = scope.facts.calls[index]
            yield from (*call.arguments, *(each for name, each in call.keywords if name == "**"))


def _is_fixed(command: Expression, scope: FunctionSymbol) -> bool:
    """Which program runs stands there: `["git", …]`. Such a one is told what to do, and shows nobody its environment.

    One that runs a text or a script is as good as the one that wrote it: `["python", "-c", code]`.
    """
    match command:
        case ("list" | "tuple", (("string", str(program)), *rest)) if INTERPRETER.fullmatch(program.rpartition("/")[2]):
            flagged = [place for place, each in enumerate(rest) if each in RUNNING_A_TEXT]
            return bool(rest) and rest[flagged[0] + 1 if flagged and flagged[0] + 1 < len(rest) else 0][0] == "string"
        case ("list" | "tuple", (("string", _), *_)) | ("string", _) | ("star", _):
            return True
        case ("operator", _, left, _):
            return _is_fixed(left, scope)
        case ("name", _):
            return any(_is_fixed(each.value, scope) for each in scope.facts.assignments if each.target == command)
    return False


def _goes_to_a_child(access: Access) -> bool:
    """`env=os.environ.copy()`, or `env=` with the name that has got it."""
    facts = access.scope.facts
    before = [each for each in facts.assignments if each.line <= access.line]
    last = max(before, key=lambda each: each.line, default=None)
    holding = last.target if last is not None and _is_all(last.value, access) else None
    for call in facts.calls:
        given = dict(call.keywords).get("env")
        if given is not None and (given == holding or (call.line <= access.line <= call.end_line and _is_all(given, access))):
            return True
    return False


def _is_all(value: Expression, access: Access) -> bool:
    """All variables, a copy of them, or them among others; what a function of the program makes of them is not known."""
    facts = access.scope.facts
    match value:
        case ("call", int(index)):
            call = facts.calls[index]
            match call.callee:
                case ("attribute", inner, "copy") if not call.arguments:
                    return _is_all(inner, access)
            return last_name(call.callee) in COPYING and any(_is_all(each, access) for each in call.arguments)
        case ("dict", pairs):
            return any(_is_all(each, access) for _, each in pairs)
        case ("choice", parts) | ("operator", "|", *parts):
            return any(_is_all(each, access) for each in parts)
    return any(mention.expression == value and mention.line == access.line for mention in facts.mentions)


def _is_searched(access: Access) -> bool:
    """Some variables are looked for among all, or only their names: `for name in os.environ`, `os.environ.items()`."""
    if access.mention.where[0] == "iterate":
        return True
    for mention in access.scope.facts.mentions:
        if (mention.line, mention.column) == (access.line, access.column):
            return mention.where[0] == "attribute" and mention.where != ("attribute", "copy")
    return False


def _is_put_back(analysis: Analysis, access: Access) -> bool:
    """The same function writes: the copy is what it restores."""
    return any(each.scope is access.scope and each.touch is Touch.WRITE for each in analysis.once(accesses))


def _starts_itself(scope: FunctionSymbol) -> bool:
    """The same function names the interpreter that runs it, or a module of the program."""
    package = scope.module.name.partition(".")[0]
    return any(_holds_itself(value, package) for value in values_of(scope))


def _holds_itself(value: Expression, package: str) -> bool:
    match value:
        case ("list" | "tuple" | "choice" | "formatted", parts, *_):
            return any(_holds_itself(part, package) for part in parts)
        case ("string", str(text)):
            return text.partition(".")[0] == package
    return value == ITSELF
