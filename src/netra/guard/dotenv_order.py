"""What a program has read of the environment, while its modules were imported, before it loads the file that fills it.

A `.env` file that is loaded by a function, or below the imports of a module, comes too late for what those imports have read
already: a constant of a module, a field of a class, the default of a parameter, settings that are made once at the top.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import EDGE_FOLDERS, OF_THE_MACHINE, Access, Touch, accesses, is_edge, written_variables
from netra.guard.facts import BODY, LAMBDA, TOP, last_name
from netra.guard.importing import ImportOrder
from netra.guard.lookups import lookups
from netra.guard.ownership import is_for_scripts
from netra.guard.settings import class_setting, is_of_settings, top_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import Routine, TypeOf

# These say which file is loaded, and are read before for that.
OF_SOURCES: Final = re.compile(r"(?:\w+_)?(?:ENV|ENVIRONMENT|STAGE|PROFILE|(?:DOTENV|ENV|CONFIG)_?(?:FILE|PATH|DIR|NAME))")

MAKING: Final = frozenset({"__init__", "__post_init__", "__new__"})

# Functions that call others, which load the file.
FURTHEST: Final = 3


class Moment(NamedTuple):
    """A line of a module that runs while the module is imported; or, in a function, some time afterwards."""

    module: ModuleSymbol
    line: int
    afterwards: bool


class Early(NamedTuple):
    """What a module reads while it is imported, and where the file is loaded, each time too late for it."""

    reads: tuple["EarlyRead", ...]
    loads: tuple[Access, ...]


class EarlyRead(NamedTuple):
    """One read: where it stands, and what is read."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    what: str


def early_reads(analysis: Analysis) -> Iterator[Early]:
    """The modules that have read the environment before every load of a file, each with all such reads."""
    loads = [each for each in analysis.once(accesses) if _is_load(each) and not _is_apart(each.module)]
    if not loads:
        return
    order = analysis.once(ImportOrder)
    moments = {each: tuple(_moments(analysis, each)) for each in loads}
    found: dict[ModuleSymbol, list[EarlyRead]] = {}
    tops = {top_of(each.module) for each in loads}
    for read in _reads(analysis):
        module = read.scope.module
        if top_of(module) in tops and all(_is_late(order, each, read) for load in loads for each in moments[load]):
            found.setdefault(module, []).append(read)
    for reads in found.values():
        yield Early(tuple(sorted(reads, key=lambda each: each.line)), tuple(loads))


def _is_load(access: Access) -> bool:
    """`load_dotenv()`, or `os.environ.update(dotenv_values())`."""
    call = call_of(access.scope, access.mention) if access.touch is Touch.WRITE else None
    if call is None or not call.arguments or call.arguments[0][0] != "call":
        return access.touch is Touch.LOAD
    return last_name(access.scope.facts.calls[call.arguments[0][1]].callee) == "dotenv_values"


def _is_apart(module: ModuleSymbol) -> bool:
    """A test, or a script that loads the file for itself."""
    return module.in_tests or not EDGE_FOLDERS.isdisjoint(module.path.split("/"))


def _moments(analysis: Analysis, load: Access) -> Iterator[Moment]:
    """When a load runs: at the top of its module, when such a line calls its function, or some time afterwards."""
    if load.scope.facts.sort in (TOP, BODY):
        yield Moment(load.module, load.line, afterwards=False)
        return
    yield Moment(load.module, load.line, afterwards=True)
    seen = {load.scope}
    waiting = [load.scope]
    for _ in range(FURTHEST):
        above: list[FunctionSymbol] = []
        for function in waiting:
            for caller, _, call in analysis.calls_of(function.name):
                match analysis.receivers.value(call.callee, caller):
                    case Routine(function=called) if called is function and not _is_apart(caller.module):
                        if caller.facts.sort in (TOP, BODY):
                            yield Moment(caller.module, call.line, afterwards=False)
                        elif caller not in seen:
                            seen.add(caller)
                            above.append(caller)
        waiting = above


def _is_late(order: ImportOrder, load: Moment, read: "EarlyRead") -> bool:
    """The read has run by the time of the load, whatever else is imported first."""
    module = read.scope.module
    if load.module is module:
        return load.afterwards or load.line > read.line
    return module in order.brought(load.module, None if load.afterwards else load.line)


def _reads(analysis: Analysis) -> Iterator[EarlyRead]:
    """What is read while a module is imported, of variables that somebody may have written into a file."""
    written = analysis.once(written_variables)
    asking: dict[FunctionSymbol, list[Access]] = {}
    for access in (*analysis.once(accesses), *analysis.once(lookups)):
        if access.touch is not Touch.READ or access.module.in_tests or is_edge(access.module):
            continue
        names = [each for each in (access.variable, *access.others) if each]
        if not names or all(OF_THE_MACHINE.fullmatch(each) or OF_SOURCES.fullmatch(each) or each in written for each in names):
            continue
        scope = access.scope
        if scope.facts.sort not in (TOP, BODY):
            asking.setdefault(scope, []).append(access)
        elif _is_asked_at_once(access) and not is_for_scripts(scope, access.line) and _runs_at_import(scope):
            yield EarlyRead(scope, access.line, access.column, access.end_line, f"`{names[0]}`")
    yield from _by_calls(analysis, asking)


def _is_asked_at_once(access: Access) -> bool:
    """It is asked where it stands, and not handed to somebody who asks: `default_factory=partial(os.getenv, "KEY")`."""
    return access.mention.where[0] in ("subscript", "compare") or call_of(access.scope, access.mention) is not None


def _runs_at_import(scope: FunctionSymbol) -> bool:
    """A class within a function is made when that is called."""
    at = scope.parent
    while at is not None:
        if at.facts.sort not in (TOP, BODY):
            return False
        at = at.parent
    return True


def _by_calls(analysis: Analysis, asking: dict[FunctionSymbol, list[Access]]) -> Iterator[EarlyRead]:
    """What is read by a function that is called at an import, or by the class of settings of which an object is made there."""
    kinds = [kind for module in analysis.modules for kind in module.classes if is_of_settings(analysis.program, kind)]
    around = (each.owner or each.parent for each in asking)
    names = (
        {each.name for each in asking}
        | {each.name for each in kinds}
        | {_class_of(each) for each in around if each is not None}
    )
    for scope, _, call in analysis.calls_of(*names - {""}):
        module = scope.module
        if scope.facts.sort not in (TOP, BODY) or module.in_tests or is_edge(module) or not _runs_at_import(scope):
            continue
        if is_for_scripts(scope, call.line):
            continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if function in asking:
                read = asking[function][0].variable
            case TypeOf(kind=kind) if not kind.module.library:
                if is_of_settings(analysis.program, kind):
                    if _reads_a_file(analysis, kind) or "_env_file" in dict(call.keywords):
                        continue
                    read = kind.name
                else:
                    making = (each for each in asking if _is_of_making(each, kind))
                    read = next((asking[each][0].variable for each in making), "")
            case _:
                continue
        if read:
            yield EarlyRead(scope, call.line, call.column, call.end_line, f"`{read}`")


def _class_of(around: ClassSymbol | FunctionSymbol) -> str:
    """The class, or the one whose body a scope is."""
    if isinstance(around, FunctionSymbol):
        return around.module.of_class(around.facts.owner).name if around.facts.sort == BODY else ""
    return around.name


def _reads_a_file(analysis: Analysis, kind: ClassSymbol) -> bool:
    return any(class_setting(each, "env_file") is not None for each in analysis.program.order(kind)[0])


def _is_of_making(function: FunctionSymbol, kind: ClassSymbol) -> bool:
    """What runs when an object is made: `__init__`, or the factory of a default."""
    if function.owner is kind:
        return function.name in MAKING
    return function.facts.sort == LAMBDA and function.parent is kind.body
