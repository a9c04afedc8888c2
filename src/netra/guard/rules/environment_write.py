"""E102."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.credentials import given_to_one
from netra.guard.entries.sorts import COMMAND, START, TEST
from netra.guard.environment import OF_EVERYBODY, Access, Replaced, Touch, outside
from netra.guard.facts import BODY, TOP, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.holdings import Holdings
from netra.guard.keepers import Keepers
from netra.guard.keeping import SECRET
from netra.guard.lookups import key_of, written_by_callers
from netra.guard.meant import is_meant
from netra.guard.ownership import ClearOwners, is_of_commands
from netra.guard.putting_back import TAKING, PutBack, is_in_finally
from netra.guard.reporting import of_access, past_owner, readers
from netra.guard.requests.brought import Origin
from netra.guard.requests.origins import Origins
from netra.guard.requests.task_arguments import of_task
from netra.guard.requests.typed_in import typed_in
from netra.guard.requests.ways import way_to
from netra.guard.requests.words import OF_A_USER
from netra.guard.rule import rule
from netra.guard.settings import HeldSettings
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.temporary import is_under_lock, is_while_nobody_is_served, written_for_a_while
from netra.guard.values import Step
from netra.guard.variables import OF_LIBRARIES, VariableNames

HAND_ON: Final = "hand the value on as an argument, or in the `env=` of a child process"

# What settings are kept in, and what gives them.
OF_SETTINGS: Final = re.compile(r"settings|config|conf$|cfg", re.IGNORECASE)

# By these, variables are put into the file that a server reads at its start.
OF_FILES: Final = re.compile(r"set_key|(?:update|write|save|set|persist|store)_\w*(?:dot)?env(?:_|$)")

# So many writes of a function out of one request are told one by one.
MOST_OF_A_FUNCTION: Final = 3


@rule("E102", "environment-write", owned=True, hesitant=True)
def environment_write(analysis: Analysis) -> Iterator[Sighting]:
    """A module writes to the process environment, which every user, thread and child process of the server shares.

    What one request writes, the next one reads: a key that was set for one user is used for another. The order in which two
    modules are imported decides who wins.

    ```python
    async def run(user: User) -> None:
        os.environ["OPENAI_API_KEY"] = user.key  # E102
    ```

    It is reported wherever a route, socket or task leads and, when the configuration names an owner, everywhere outside it:
    what a server writes at its start, before anybody is served, is a matter of order rather than of users. Where a program
    serves somebody and holds nearly all its settings in one place, it is reported in every function outside that place; left
    alone are then variables by which a library is told something, names that the caller gives, and what the import of a
    module writes, and what only commands lead to.

    Left alone are also a default (`os.environ.setdefault`) to which no request leads, and what only the start of a server
    writes.

    Guard is certain where a variable whose name stands there gets what comes from a request, and in functions that a server has
    in its process, where one module clearly owns the environment: it holds all settings but three in a hundred. It is certain
    of a time zone or language that comes from a user (`os.environ["TZ"] = job.user.zone`) or that a route or task itself
    writes, too. A route that sets whatever
    variable it is told, one that puts it into the `.env` file too, and what the module of the settings writes, is likely at
    most: it may be there for that.

    So it is of a credential that one object was given, by whoever made it, and that its method writes in a program which serves
    somebody (`os.environ["SPEECH_KEY"] = self.key`): the next object without one has it, and another key replaces it.

    And so it is of variables that a task of a worker was given with their names, and of those that it clears away: the tasks
    after it have them, or miss them.

    It is certain, too, of what is written for a while in a function that a request leads to, and put back afterwards: until
    then everybody else has it, and what somebody else has written meanwhile is overwritten. Under a lock it is left alone,
    and in a coroutine function that awaits nothing meanwhile, where no thread reads the variable.

    A program that puts an object of its own in the place of `os.environ` has seen to that itself, and is left alone. What is
    put back or taken away again in a `finally` is the repair of a write and no second one. What has the owner's own value
    (`os.environ["TRACE_KEY"] = settings.trace_key`) is there for a library that looks for it. A name that is made up for the
    occasion, and taken away again, is nobody else's.

    Hand the value to whoever needs it: as an argument, or in the `env=` of the child process.
    """
    of_requests: dict[tuple[FunctionSymbol, str, str], list[Sighting]] = {}
    for touch, owners in outside(analysis, Touch.WRITE, without_owner=True):
        access = touch if touch.variable else replace(touch, variable=written_by_callers(analysis, touch))
        if not owners.configured and is_while_nobody_is_served(analysis, access):
            continue
        if not owners.configured and (repaired := written_for_a_while(analysis, access)) is not None:
            yield repaired
            continue
        if not owners.configured and not access.variable and is_under_lock(access):
            continue
        put_back = analysis.once(PutBack)
        repair = is_in_finally(access) if owners.configured else put_back.is_repair(access)
        if repair or (not access.variable and put_back.repairs(access.scope)):
            continue
        if analysis.once(Replaced).holds(access.module) or _is_handed_on(access):
            continue
        what = f"`{access.variable}`" if access.variable else "a variable"
        message = f"{what} is written to the environment of the whole process"
        told = not is_of_commands(analysis, access.scope) and _is_told_to_the_program(analysis, access)
        if owners.configured:
            yield of_access(analysis, access, owners, message)
        elif (sent := _sent(analysis, access)) is not None:
            place = (access.scope, access.line, access.column, access.end_line)
            sure = LIKELY if is_meant(analysis, access, sent, _written(access)) or _is_kept_in_a_file(access) else CERTAIN
            said = f"{message}, and made of the `{sent.name}` of a request"
            sighting = Sighting(*place, said, (*sent.steps, *readers(analysis, access)), Mend(HAND_ON), sure)
            of_requests.setdefault((access.scope, sent.name, sure), []).append(sighting)
        elif (way := _of_task(analysis, access)) and not _is_default(access):
            place = (access.scope, access.line, access.column, access.end_line)
            yield Sighting(*place, f"{message}, and made of what one task was given", way, Mend(HAND_ON), CERTAIN)
        elif access.variable and (way := _typed_in(analysis, access)):
            place = (access.scope, access.line, access.column, access.end_line)
            yield Sighting(*place, f"{message}, and is what one visitor says", way, Mend(HAND_ON), CERTAIN)
        elif not _is_default(access) and (given := given_to_one(access, _written(access), analysis)) is not None:
            place = (access.scope, access.line, access.column, access.end_line)
            why = (Step(access.module.path, access.scope.facts.line, f"one object of many is given `{given}`"),)
            yield Sighting(*place, f"{message}, and is what one object was given as `{given}`", why, Mend(HAND_ON), CERTAIN)
        elif (kept := _past_keeper(analysis, access)) is not None:
            told_of = past_owner(access, kept, message, _sure(analysis, access))
            yield told_of._replace(why=(*told_of.why, *readers(analysis, access)))
        elif told and _is_felt(analysis, access) and (clear := analysis.once(ClearOwners).over(access)):
            yield past_owner(access, clear, message, _sure(analysis, access))
        elif analysis.reach.path_to(access.scope):
            yield of_access(analysis, access, owners, message)
        elif told and (owner := analysis.once(Holdings).owner_of(access.module)) is not None:
            yield past_owner(access, owner, message)
    for sightings in of_requests.values():
        yield from sightings if len(sightings) <= MOST_OF_A_FUNCTION else (_together(sightings),)


def _sure(analysis: Analysis, access: Access) -> str:
    """Where many modules read the environment, no module owns it for certain. Where no request is known to lead to the write,
    it may be there for the start; it is certain only past an owner that holds most settings.
    """
    if analysis.once(Keepers).is_custom:
        return LIKELY
    if analysis.reach.path_to(access.scope) or analysis.once(Holdings).holding_of(access.module) is not None:
        return CERTAIN
    return CERTAIN if analysis.once(Keepers).hold_most(access.module) else LIKELY


def _together(sightings: list[Sighting]) -> Sighting:
    """A function that writes one variable after the other out of a request is one decision."""
    first, *others = sorted(sightings, key=lambda each: each.line)
    path = first.scope.module.path
    more = tuple(Step(path, each.line, f"and so {each.message.partition(', and')[0]}") for each in others)
    return first._replace(message=f"{first.message}, as are {len(others)} more in this function", why=(*first.why, *more))


def _is_handed_on(access: Access) -> bool:
    """`os.environ["TRACE_KEY"] = settings.trace_key`: the owner's own value, for a library that looks for it there."""
    for each in _written(access):
        match each:
            case ("attribute", held, str(name)) if name.upper() == access.variable:
                of = access.scope.facts.calls[held[1]].callee if held[0] == "call" else held
                if OF_SETTINGS.search(last_name(of) or ""):
                    return True
            case ("attribute", ("attribute", _, str(held)), str(name)) if access.variable.endswith(f"_{name.upper()}"):
                if OF_SETTINGS.search(held):
                    return True  # `TRACER_URL` of `self.config.url`
    return False


def _is_kept_in_a_file(access: Access) -> bool:
    """The function writes to the file of the settings as well: to change them is what it is there for."""
    return any(OF_FILES.search(last_name(each.callee) or "") for each in access.scope.facts.calls)


def _past_keeper(analysis: Analysis, access: Access) -> ModuleSymbol | None:
    """The module of settings that could have been told, where a function writes what begins as the program's own variables.

    What `putenv` writes nobody in this process reads: `os.environ` does not know of it.
    """
    if access.scope.facts.sort in (BODY, TOP) or analysis.once(PutBack).repairs(access.scope):
        return None
    if {each.sort for each in analysis.reach.routes_to(access.scope)} - {TEST, COMMAND} == {START}:
        return None  # nobody is served yet
    if _is_default(access) and not analysis.reach.path_to(access.scope):
        return None
    call = call_of(access.scope, access.mention)
    taking = call is not None and last_name(call.callee) in TAKING
    keepers = analysis.once(Keepers)
    if OF_LIBRARIES.fullmatch(access.variable):
        # A library is told something; but where a setting of the program is called so, whoever is served changes that.
        held = keepers.at_hand(access) if _is_near_entry(analysis, access.scope) else None
        return held.place if held is not None and access.variable in held.variables else None
    if taking and not analysis.reach.path_to(access.scope):
        return None
    if last_name(access.mention.expression) == "putenv":
        return next((each.place for each in keepers.of(access.module) if keepers.begins_as_own(access, each)), None)
    if OF_EVERYBODY.fullmatch(access.variable) and not analysis.once(ClearOwners).is_of_a_script(access):
        given = [("name", parameter.name) for parameter in access.scope.facts.parameters]
        of_user = any(_is_of_a_user(each, given) for each in _written(access))
        at_hand = (
            each.place for each in keepers.of(access.module) if keepers.is_imported(access.module, each, indirectly=of_user)
        )
        entry = analysis.reach.entries.get(access.scope)
        here = entry is not None and entry.serves  # for the one who is served, and for all others from then on
        return next(at_hand, None) if of_user or here or any(each in given for each in _written(access)) else None
    keeper = keepers.at_hand(access)
    if keeper is None:
        return None
    own = keepers.begins_as_own(access, keeper) or access.variable in keeper.variables
    own = own and not analysis.once(VariableNames).is_of_library(access.variable)
    return keeper.place if own or _is_of_the_served(analysis, access) else None


def _is_of_the_served(analysis: Analysis, access: Access) -> bool:
    """A route or task writes a setting, itself or by the function that it calls, by a name that stands there and by which no
    library is told something; or it takes all variables away.
    """
    call = call_of(access.scope, access.mention)
    cleared = call is not None and last_name(call.callee) == "clear"
    if not cleared and not analysis.once(VariableNames).is_of_program(access.variable):
        return False
    return _is_near_entry(analysis, access.scope)


def _is_near_entry(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """It is a route or task itself, or one calls it."""
    entries = analysis.reach.entries
    near = (scope, *(caller for caller, _ in analysis.reach.callers(scope)))
    return any(each in entries and entries[each].serves for each in near)


def _is_of_a_user(value: Expression, given: list[tuple[str, str]]) -> bool:
    """`user.zone`, `deps.user.zone` of a parameter: what one user has chosen."""
    if value[0] != "attribute":
        return False
    whose = value[1]
    if last_name(whose) not in OF_A_USER:
        return False
    while whose[0] == "attribute":
        whose = whose[1]
    return whose in given


def _sent(analysis: Analysis, access: Access) -> Origin | None:
    """What of a request the value is made of, where a route or socket leads to the write."""
    if not way_to(analysis, access.scope) or is_of_commands(analysis, access.scope):
        return None
    found = (analysis.once(Origins).of(value, access.scope, access.line) for value in _written(access))
    return next((each for each in found if each is not None), None)


def _of_task(analysis: Analysis, access: Access) -> tuple[Step, ...]:
    """What of the arguments of a task a variable of the program, or a credential, is made of.

    Of variables whose names do not stand there, the task says which they are, or takes away what it says.
    """
    if access.scope.facts.sort in (BODY, TOP) or not analysis.reach.path_to(access.scope):
        return ()
    if not access.variable:
        key = key_of(access)
        said = [*_written(access), *([] if key is None else [key])]
        return next((way for each in said if (way := of_task(analysis, each, access.scope))), ())
    if not SECRET.search(access.variable) and analysis.once(VariableNames).is_of_library(access.variable):
        return ()
    return next((way for each in _written(access) if (way := of_task(analysis, each, access.scope))), ())


def _typed_in(analysis: Analysis, access: Access) -> tuple[Step, ...]:
    return next((way for each in _written(access) if (way := typed_in(analysis, each, access.scope))), ())


def _written(access: Access) -> Iterator[Expression]:
    """The values, or the mappings of names to values, that a write puts into the environment."""
    scope = access.scope
    for each in scope.facts.assignments:
        match each.target:
            case ("subscript", inner, _) if inner == access.mention.expression and each.line == access.line:
                yield each.value
            case target if target == access.mention.expression and each.line == access.line and each.how == "augmented":
                yield each.value
    call = call_of(scope, access.mention)
    if call is not None and last_name(call.callee) not in TAKING:
        yield from call.arguments if last_name(call.callee) == "update" else call.arguments[1:]
        yield from (value for _, value in call.keywords)


def _is_felt(analysis: Analysis, access: Access) -> bool:
    """What is written changes what the program does, as it reads the variable, or it is written while somebody is served."""
    clear, held = analysis.once(ClearOwners), analysis.once(HeldSettings)
    if clear.is_of_a_script(access) or held.holds(access.module):
        return False
    if any(each.variable == access.variable for each in analysis.once(PutBack).repairs(access.scope)):
        return False
    return clear.is_asked_by(access.variable) or (clear.is_served(access) and not _is_told_to_a_library(analysis, access))


def _is_told_to_a_library(analysis: Analysis, access: Access) -> bool:
    """Of what the program does not read: a default for whoever asks, or a name that begins as that of a module does."""
    return _is_default(access) or analysis.once(VariableNames).is_of_something_named(access.variable)


def _is_default(access: Access) -> bool:
    """`os.environ.setdefault(…)`: whoever has said something else is heard."""
    call = call_of(access.scope, access.mention)
    return call is not None and last_name(call.callee) == "setdefault"


def _is_told_to_the_program(analysis: Analysis, access: Access) -> bool:
    """A function, not the import of a module, writes a name that stands there and by which no library is told something.

    What applies names that somebody else has given prepares a process, often one of its own, for what runs in it.
    """
    named = access.variable and not analysis.once(VariableNames).is_of_library(access.variable)
    return bool(named) and access.scope.facts.sort not in (BODY, TOP)
