"""What a program has read of the environment, while its modules were imported, before it loads the file that fills it.

A `.env` file that is loaded by a function, or below the imports of a module, comes too late for what those imports have read
already: a constant of a module, a field of a class, the default of a parameter, settings that are made once at the top.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.carried import carried_reads
from netra.guard.environment import EDGE_FOLDERS, OF_THE_MACHINE, Access, Touch, accesses, is_edge, written_variables
from netra.guard.facts import BODY, LAMBDA, TOP, CallSite, last_name
from netra.guard.importing import ImportOrder
from netra.guard.libraries_of_settings import library_reads
from netra.guard.lookups import lookups
from netra.guard.meaning.makers import maker
from netra.guard.ownership import is_for_scripts
from netra.guard.settings import class_setting, is_of_settings, top_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import Routine, TypeOf

# These say which file is loaded, and are read before for that.
OF_SOURCES: Final = re.compile(r"(?:\w+_)?(?:ENV|ENVIRONMENT|STAGE|PROFILE|(?:DOTENV|ENV|CONFIG)_?(?:FILE|PATH|DIR|NAME))")

# Libraries that put what a file says into the environment when they are asked to, and read it there.
OF_FILES: Final = frozenset({"environs", "environ"})

MAKING: Final = frozenset({"__init__", "__post_init__", "__new__"})

# Functions that call others, which load the file.
FURTHEST: Final = 3


class LoadMoment(NamedTuple):
    """When a load runs: behind the imports of some modules, whose functions lead to it, and at a line of one, if it is that
    module's own import that calls them.
    """

    behind: frozenset[ModuleSymbol]
    module: ModuleSymbol | None = None
    line: int = 0


class Load(NamedTuple):
    """A file is loaded into the environment."""

    scope: FunctionSymbol
    line: int


class Early(NamedTuple):
    """What a module reads while it is imported, and where the file is loaded, each time too late for it."""

    reads: tuple["EarlyRead", ...]
    loads: tuple[Load, ...]


class EarlyRead(NamedTuple):
    """One read: where it stands, and what is read."""

    scope: FunctionSymbol
    line: int
    column: int
    end_line: int
    what: str


def early_reads(analysis: Analysis) -> Iterator[Early]:
    """The modules that have read the environment before every load of a file, each with all such reads."""
    loads = [each for each in _loads(analysis) if not _is_apart(each.scope.module)]
    if not loads:
        return
    order = analysis.once(ImportOrder)
    moments = {each: tuple(_moments(analysis, each)) for each in loads}
    found: dict[ModuleSymbol, list[EarlyRead]] = {}
    tops = {top_of(each.scope.module) for each in loads}
    for read in _reads(analysis, loads):
        module = read.scope.module
        if top_of(module) in tops and all(_is_late(order, each, read) for load in loads for each in moments[load]):
            found.setdefault(module, []).append(read)
    for reads in found.values():
        yield Early(tuple(sorted(reads, key=lambda each: each.line)), tuple(loads))


def _loads(analysis: Analysis) -> Iterator[Load]:
    yield from (Load(each.scope, each.line) for each in analysis.once(accesses) if _is_load(each))


def _is_load(access: Access) -> bool:
    """`load_dotenv()`, or `os.environ.update(dotenv_values())`."""
    call = call_of(access.scope, access.mention) if access.touch is Touch.WRITE else None
    if call is None or not call.arguments or call.arguments[0][0] != "call":
        return access.touch is Touch.LOAD
    return last_name(access.scope.facts.calls[call.arguments[0][1]].callee) == "dotenv_values"


def _is_apart(module: ModuleSymbol) -> bool:
    """A test, or a script that loads the file for itself."""
    return module.in_tests or not EDGE_FOLDERS.isdisjoint(module.path.split("/"))


def _moments(analysis: Analysis, load: Load) -> Iterator[LoadMoment]:
    """When a load runs: at the top of its module, when such a line calls its function, or some time afterwards."""
    if load.scope.facts.sort in (TOP, BODY):
        yield LoadMoment(frozenset(), load.scope.module, load.line)
    else:
        yield from _ways_to(analysis, load.scope, (), FURTHEST)


def _ways_to(
    analysis: Analysis, function: FunctionSymbol, below: tuple[FunctionSymbol, ...], left: int
) -> Iterator[LoadMoment]:
    """The ways by which calls lead to a function, each of which begins at an import, or in a function that nobody calls."""
    chain = (*below, function)
    behind = frozenset(each.module for each in chain)
    callers = [] if not left else [each for each in _callers(analysis, function) if each[0] not in chain]
    for caller, line in callers:
        if caller.facts.sort in (TOP, BODY):
            yield LoadMoment(behind, caller.module, line)
        else:
            yield from _ways_to(analysis, caller, chain, left - 1)
    if not callers:
        yield LoadMoment(behind)


def _callers(analysis: Analysis, function: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, int]]:
    for caller, _, call in analysis.calls_of(function.name):
        if not _is_apart(caller.module):
            match analysis.receivers.value(call.callee, caller):
                case Routine(function=called) if called is function:
                    yield caller, call.line


def _is_late(order: ImportOrder, load: LoadMoment, read: "EarlyRead") -> bool:
    """The read has run by the time of the load, whatever else is imported first."""
    module = read.scope.module
    if load.module is module:
        return load.line > read.line
    if load.module is not None and load.module in order.before(module, frozenset(order.packages(module.name))):
        return False  # each needs the other: which comes first depends on which is asked for first
    if any(module is each or module in order.brought(each) for each in load.behind):
        return True
    return load.module is not None and module in order.brought(load.module, load.line)


def _is_loaded_above(analysis: Analysis, access: Access, loads: list[Load]) -> bool:
    """The function that reads has loaded the file before, itself or by a function that it calls."""
    scope = access.scope
    if any(each.scope is scope and each.line < access.line for each in loads):
        return True
    loading = {each.scope for each in loads}
    names = {each.name for each in loading}
    for call in scope.facts.calls:
        if call.line < access.line and last_name(call.callee) in names:
            match analysis.receivers.value(call.callee, scope):
                case Routine(function=function) if function in loading:
                    return True
    return False


def _reads(analysis: Analysis, loads: list[Load]) -> Iterator[EarlyRead]:
    """What is read while a module is imported, of variables that somebody may have written into a file."""
    written = analysis.once(written_variables)
    asking: dict[FunctionSymbol, str] = {}
    of_libraries = (
        each
        for each in analysis.once(library_reads)
        if maker(each.mention.expression, each.scope, analysis.program) in OF_FILES
    )
    carried = analysis.once(carried_reads)
    for access in (*analysis.once(accesses), *analysis.once(lookups), *of_libraries, *carried):
        if access.touch is not Touch.READ or access.module.in_tests or is_edge(access.module):
            continue
        names = [each for each in (access.variable, *access.others) if each]
        if not names or all(OF_THE_MACHINE.fullmatch(each) or OF_SOURCES.fullmatch(each) or each in written for each in names):
            continue
        scope = access.scope
        if scope.facts.sort not in (TOP, BODY):
            if scope not in asking and not _is_loaded_above(analysis, access, loads):
                asking[scope] = names[0]
        elif _is_asked_at_once(access) and not is_for_scripts(scope, access.line) and _runs_at_import(scope):
            yield EarlyRead(scope, access.line, access.column, access.end_line, f"`{names[0]}`")
    yield from _by_calls(analysis, asking, frozenset(each.scope for each in carried))


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


def _by_calls(analysis: Analysis, asking: dict[FunctionSymbol, str], handed: frozenset[FunctionSymbol]) -> Iterator[EarlyRead]:
    """What is read by a function that is called at an import, or by the class of settings of which an object is made there.

    `handed`: what reads what it was handed; only a call that hands in nothing is known to have it read the environment.
    """
    kinds = [kind for module in analysis.modules for kind in module.classes if is_of_settings(analysis.program, kind)]
    for scope, _, call in analysis.calls_of(*{each.name for each in kinds}):
        if scope.facts.sort not in (TOP, BODY) and (made := _settings_made(analysis, call, scope)):
            asking.setdefault(scope, made)  # `get_settings()` makes them
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
                read = "" if function in handed and call.given else asking[function]
            case TypeOf(kind=kind) if not kind.module.library:
                read = _settings_made(analysis, call, scope)
                if not read and not is_of_settings(analysis.program, kind):
                    read = next(
                        (
                            name
                            for each, name in asking.items()
                            if _is_of_making(each, kind) and not (each in handed and call.given)
                        ),
                        "",
                    )
            case _:
                continue
        if read:
            yield EarlyRead(scope, call.line, call.column, call.end_line, f"`{read}`")


def _settings_made(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> str:
    """The class of settings of which a call makes an object that reads the environment, and no file, for itself."""
    match analysis.receivers.value(call.callee, scope):
        case TypeOf(kind=kind) if not kind.module.library and is_of_settings(analysis.program, kind):
            return "" if _reads_a_file(analysis, kind) or "_env_file" in dict(call.keywords) else kind.name
    return ""


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
