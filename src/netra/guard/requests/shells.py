"""Texts that a shell runs, on this machine or on another: by `shell=True`, by `sh -c`, over SSH, through functions between.

What a program of its own is given as a list of arguments is no such text.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.makers import maker
from netra.guard.meaning.parameters import parameter_given
from netra.guard.program import imported_packages
from netra.guard.reading import names_for
from netra.guard.requests.deferred import DeferredCalls
from netra.guard.symbols import External, FunctionSymbol, ModuleSymbol
from netra.guard.values import Foreign, Routine, Step, TypeOf

# They run a text by a shell where they are told so.
ASKED_FOR_A_SHELL: Final = frozenset("run Popen call check_call check_output run_process open_process".split())
OF_PROCESSES: Final = frozenset("subprocess anyio trio".split())

# They always do: which argument is the text.
ALWAYS: Final = {
    "os.system": 0,
    "os.popen": 0,
    "subprocess.getoutput": 0,
    "subprocess.getstatusoutput": 0,
    "asyncio.create_subprocess_shell": 0,
    "asyncio.subprocess.create_subprocess_shell": 0,
}
OF_A_LOOP: Final = "subprocess_shell"

# The shell of another machine does, which a connection to it leads to.
REMOTE: Final = frozenset("asyncssh paramiko fabric invoke spur plumbum".split())
ON_A_CONNECTION: Final = frozenset("run create_process exec_command sudo".split())

# They start a program with a list of arguments, which may be a shell.
WITH_A_LIST: Final = ASKED_FOR_A_SHELL | frozenset(
    "create_subprocess_exec subprocess_exec execv execve execvp execvpe execl execlp spawnl spawnlp spawnv spawnvp".split()
)
SHELL: Final = re.compile(r"(?:.*/)?(?:ba|da|z|k|a)?sh")
FLAG: Final = re.compile(r"-[a-z]*c")
# Of what runs in a container of its own, the container is the wall.
CONTAINED: Final = frozenset("docker podman kubectl nerdctl bwrap firejail".split())

# What calls another function with what follows.
LATER: Final = frozenset("to_thread run_sync partial run_in_threadpool sync_to_async asyncify".split())

# Functions between the text and what hands it to a shell.
FURTHEST: Final = 3

TRUE: Final[Expression] = ("constant", "bool", True)


class ShellText(NamedTuple):
    """A text that a call has a shell run, itself or through the functions below."""

    scope: FunctionSymbol
    call: CallSite
    text: Expression
    below: tuple[Step, ...]


def shell_texts(analysis: Analysis) -> tuple[ShellText, ...]:
    """Every text that is run by a shell, where it is written down or put together; use `analysis.once(shell_texts)`."""
    return tuple(_found(analysis))


def _found(analysis: Analysis) -> Iterator[ShellText]:
    passing: dict[tuple[FunctionSymbol, str], tuple[Step, ...]] = {}
    for each in _direct(analysis):
        yield each
        passing.update(_passed_on(each))
    seen = {*passing}
    for _ in range(FURTHEST):
        above: dict[tuple[FunctionSymbol, str], tuple[Step, ...]] = {}
        for (function, name), below in passing.items():
            for each in _handed(analysis, function, name, below):
                yield each
                above.update(_passed_on(each))
        passing = {key: below for key, below in above.items() if key not in seen}
        seen.update(passing)


def _direct(analysis: Analysis) -> Iterator[ShellText]:
    remote = not REMOTE.isdisjoint(analysis.program.once(imported_packages))
    names = {
        *WITH_A_LIST,
        *LATER,
        *(each.rpartition(".")[2] for each in ALWAYS),
        OF_A_LOOP,
        *(ON_A_CONNECTION if remote else ()),
    }
    for scope, _, call in analysis.calls_of(*names_for(names, analysis)):
        if not scope.module.in_tests:
            yield from (ShellText(scope, call, text, ()) for text in _given(analysis, call, scope, remote=remote))


def _given(analysis: Analysis, call: CallSite, scope: FunctionSymbol, *, remote: bool) -> Iterator[Expression]:
    """The texts of one call."""
    callee, arguments, keywords = call.callee, call.arguments, dict(call.keywords)
    if last_name(callee) in LATER and arguments:
        callee, *rest = arguments
        arguments = tuple(rest)
    dotted = _dotted(analysis, callee, scope)
    name = dotted.rpartition(".")[2] or last_name(callee) or ""
    first = arguments[0] if arguments else keywords.get("args", keywords.get("command", keywords.get("cmd")))
    if first is None:
        return
    if name in ASKED_FOR_A_SHELL and keywords.get("shell") == TRUE and first[0] not in ("list", "tuple"):
        if dotted.partition(".")[0] in OF_PROCESSES:
            yield first
    elif name == OF_A_LOOP:
        yield from arguments[1:2]
    elif (place := ALWAYS.get(dotted)) is not None:
        yield from arguments[place : place + 1] or (first,)
    elif remote and name in ON_A_CONNECTION and _is_remote(analysis, callee, scope):
        yield first
    if name in WITH_A_LIST:
        yield from _behind_a_shell(arguments if len(arguments) > 1 and first[0] == "string" else _elements(first, scope))
        if len(arguments) > 1 and name.startswith("exec"):
            yield from _behind_a_shell(_elements(arguments[1], scope))


def _elements(value: Expression, scope: FunctionSymbol) -> tuple[Expression, ...]:
    """The elements of a list that is written down, here or where the name that has it gets it."""
    match value:
        case ("list" | "tuple", parts):
            return tuple(parts)
        case ("star", inner):
            return _elements(inner, scope)
        case ("name", str(name)):
            match [each.value for each in scope.assigned.get(name, ())]:
                case [("list" | "tuple", parts)]:
                    return tuple(parts)
    return ()


def _behind_a_shell(elements: tuple[Expression, ...]) -> Iterator[Expression]:
    """The text in `["sh", "-c", text]`, and what is the command of `["ssh", host, text]`."""
    texts = [each[1] if each[0] == "string" else "" for each in elements]
    if texts and texts[0] in CONTAINED:
        return
    for number, text in enumerate(texts[:-2]):
        if SHELL.fullmatch(text) and FLAG.fullmatch(texts[number + 1]):
            yield elements[number + 2]
            return
    if texts and texts[0].rpartition("/")[2] == "ssh" and elements[-1][0] in ("formatted", "operator"):
        yield elements[-1]


def _dotted(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> str:
    match analysis.receivers.value(callee, scope):
        case Foreign(symbol=External(dotted=dotted)):
            return dotted
        case Routine(function=function) if function.module.library:
            return function.full_name
        case TypeOf(kind=kind) if kind.module.library:
            return f"{kind.module.name}.{kind.name}"
    return ""


def _is_remote(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> bool:
    """A method of a connection: a library for SSH has made it, or nobody knows what it is where such a library is used."""
    if callee[0] != "attribute":
        return False
    if (library := maker(callee, scope, analysis.program)) is not None:
        return library in REMOTE
    if dotted := _dotted(analysis, callee, scope):
        return dotted.partition(".")[0] in REMOTE
    unknown = analysis.receivers.value(callee, scope) is None and analysis.receivers.value(callee[1], scope) is None
    return unknown and _uses_remote(scope.module)


def _uses_remote(module: ModuleSymbol) -> bool:
    imports = (each for scope in module.functions for each in scope.facts.imports if not each.level)
    return any(each.module.partition(".")[0] in REMOTE for each in imports)


def joined(text: Expression, scope: FunctionSymbol) -> str | None:
    """`parts` of `" | ".join(parts)`, also where a name has got that."""
    match text:
        case ("name", str(name)) if name not in scope.parameters:
            match [each.value for each in scope.assigned.get(name, ()) if each.how in ("=", "annotated")]:
                case [("call", _) as only]:
                    return joined(only, scope)
        case ("call", int(index)):
            match scope.facts.calls[index]:
                case CallSite(callee=("attribute", ("string", _), "join"), arguments=(("name", str(name)),)):
                    return name
    return None


def _passed_on(each: ShellText) -> Iterator[tuple[tuple[FunctionSymbol, str], tuple[Step, ...]]]:
    """The parameter that the whole of a text is, or that is joined to it, with the function whose it is."""
    scope, text = each.scope, each.text
    name = text[1] if text[0] == "name" else joined(text, scope)
    if name is None or name not in scope.parameters:
        name = joined(text, scope)
    at: FunctionSymbol | None = scope
    while at is not None and name not in at.parameters:
        if name in at.bound or at.parent is None:
            return
        at = at.parent
    if at is not None and name is not None and not at.assigned.get(name):
        step = Step(scope.module.path, each.call.line, f"`{at.name}` has a shell run what it is given as `{name}`")
        yield (at, name), (step, *each.below)


def _handed(analysis: Analysis, function: FunctionSymbol, name: str, below: tuple[Step, ...]) -> Iterator[ShellText]:
    """What the callers of a function give to a parameter, one by one where it takes several."""
    gathering = function.facts.parameters[function.parameters[name]].position == "arguments"
    before = sum(each.position == "positional" for each in function.facts.parameters)
    calls = [(scope, call) for scope, _, call in analysis.calls_of(function.name)]
    later = [(each.scope, each.call) for each in analysis.once(DeferredCalls).of(function.name)]
    for scope, call in (*calls, *later):
        if scope.module.in_tests:
            continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=called, bound=bound) if called is function:
                shift = 1 if bound and function.owner is not None else 0
                given: list[tuple[int | str, Expression]] = [*enumerate(call.arguments), *call.keywords]
                for position, text in given:
                    several = gathering and isinstance(position, int) and position >= before - shift
                    if several or parameter_given(function, position, bound=bound) == name:
                        yield from (ShellText(scope, call, one, below) for one in _elements(text, scope) or (text,))
