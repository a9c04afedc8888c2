"""All of the environment, as it is handed to a child process, a container or a server of tools: from the call back to the read.

What a call gives by `env=` may be a copy that a name has, a constant of the module, a field or property of an object, what a
function makes, or one of several put together. Variables that are chosen, one by one or by a test, are not all.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.children import OF_TOOLS, handed_over
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import BODY, LAMBDA, TOP, CallSite, Expression, Use, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.makers import maker
from netra.guard.reading import names_for
from netra.guard.requests.shells import REMOTE
from netra.guard.spellings import MAPPINGS, of_os
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine

# They start something else, and are told by one of these keywords what it finds in its environment.
STARTING: Final = frozenset(
    """run Popen call check_call check_output create_subprocess_exec create_subprocess_shell subprocess_exec subprocess_shell
    run_process open_process create_process spawn spawnu PopenSpawn popen_fork_exec exec_run exec_create run_async create start
    to_thread run_sync partial run_in_threadpool V1Container Container Sandbox AsyncSandbox
    """.split()
) | frozenset(OF_TOOLS)
KEYWORDS: Final = frozenset({"env", "environment", "envs", "environment_variables"})
# These are of containers and other machines, which inherit nothing by themselves.
ELSEWHERE: Final = KEYWORDS - {"env"}

# Programs that work on files and sign in nowhere: no secret is of use to them.
OFFLINE: Final = frozenset(
    """7z awk bzip2 cat convert cut cwebp df diff du exiftool ffmpeg ffprobe file find gif2webp grep gs gunzip gzip head
    identify inkscape jq libreoffice lz4 magick mediainfo mogrify optipng pandoc pdfinfo pdflatex pdftocairo pdftoppm pdftotext
    pngquant qpdf sed sha256sum soffice sort sox stat tail tar tesseract unzip wc weasyprint xelatex xz zip zstd""".split()
)
SECRET: Final = re.compile(r"(?:^|_)(?:SECRET|KEY|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS)(?:$|_)")

# And what a pattern is made of that shall find them.
WORDS: Final = re.compile(r"SECRET|PASSW|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)

# Which of their arguments it is.
BY_POSITION: Final = {
    **dict.fromkeys(("execve", "execvpe", "posix_spawn", "posix_spawnp"), 2),
    **dict.fromkeys(("spawnve", "spawnvpe"), 3),
    **dict.fromkeys(("execle", "execlpe", "spawnle", "spawnlpe"), -1),
}

COPYING: Final = frozenset("dict copy deepcopy ChainMap OrderedDict dumps str repr".split())

# Names, functions and objects between the call and the environment.
FURTHEST: Final = 6


class HandedEnvironment(NamedTuple):
    """A call by which somebody else gets all of the environment."""

    scope: FunctionSymbol
    call: CallSite


def handings(analysis: Analysis) -> dict[Access, list[HandedEnvironment]]:
    """Every touch of the whole environment that ends in such a call, with these calls."""
    finder = WholeEnvironment(analysis)
    found: dict[Access, list[HandedEnvironment]] = {}
    if not finder.whole:
        return found
    taking = {each.name for each in analysis.scopes if each.parameters.keys() & KEYWORDS and each.name != "__init__"}
    for scope, _, call in analysis.calls_of(*names_for({*STARTING, *BY_POSITION}, analysis), *taking):
        if scope.module.in_tests or _keeps_to_itself(analysis, call, scope):
            continue
        for given, line in _given(call, scope):
            for access in dict.fromkeys(finder.of(given, scope, line, FURTHEST)):
                found.setdefault(access, []).append(HandedEnvironment(scope, call))
    for _, scope, call, given in analysis.once(handed_over):
        for access in dict.fromkeys(finder.of(given, scope, call.line, FURTHEST)):
            found.setdefault(access, []).append(HandedEnvironment(scope, call))
    return found


def _keeps_to_itself(analysis: Analysis, call: CallSite, scope: FunctionSymbol, depth: int = FURTHEST) -> bool:
    """A function of the program is called that only looks at the environment, as do those that it hands it on to."""
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if not function.module.library and not function.facts.abstract:
            taken = {("name", each.name) for each in function.facts.parameters if each.name in KEYWORDS}
            if not taken or not depth or any(each.facts.sort == LAMBDA for each in function.children):
                return False
            facts = function.facts
            kept = [*[each.value for each in facts.assignments], *[each.value for each in facts.returned]]
            if any(_holds(each, taken) for each in kept):
                return False
            handed = [one for one in facts.calls if any(_holds(each, taken) for each in one.given)]
            return all(_keeps_to_itself(analysis, each, function, depth - 1) for each in handed)
    return False


def _holds(value: Expression, names: set[Expression]) -> bool:
    """A value is one of these names, or a container or choice with one; what a call makes of one is another matter."""
    match value:
        case ("list" | "tuple" | "set" | "choice", parts):
            return any(_holds(each, names) for each in parts)
        case ("dict", pairs):
            return any(_holds(each, names) for pair in pairs for each in pair)
        case ("comprehension", _, inner) | ("await" | "star", inner):
            return _holds(inner, names)
    return value in names


def _given(call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    """What a call says of the environment, and the line where that begins."""
    position = BY_POSITION.get(last_name(call.callee) or "")
    if position is not None and len(call.arguments) > position:
        yield call.arguments[position], call.line
    for keyword, value in call.keywords:
        if keyword in KEYWORDS:
            yield value, call.line
        elif keyword == "**":
            yield from _of_options(value, scope, call.line)


def _of_options(options: Expression, scope: FunctionSymbol, line: int) -> Iterator[tuple[Expression, int]]:
    """`env` of `run(command, **options)`."""
    if options[0] == "name":
        for each in scope.assigned.get(options[1], ()):
            if each.how in ("=", "annotated"):
                yield from _of_options(each.value, scope, each.line)
    elif options[0] == "dict":
        yield from ((value, line) for key, value in options[1] if key[0] == "string" and key[1] in KEYWORDS)
    elif options[0] == "call" and scope.facts.calls[options[1]].callee == ("name", "dict"):
        yield from ((value, line) for key, value in scope.facts.calls[options[1]].keywords if key in KEYWORDS)


class WholeEnvironment:
    """Finds what of a value is all of the environment."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self.whole: dict[FunctionSymbol, list[Access]] = {}
        for each in analysis.once(accesses):
            if each.touch is Touch.WHOLE and not each.module.in_tests:
                self.whole.setdefault(each.scope, []).append(each)

    def of(self, value: Expression, scope: FunctionSymbol, line: int, depth: int) -> Iterator[Access]:
        """What of a value that is put together from a line on."""
        if not depth:
            return
        match value:
            case ("choice" | "list", parts):
                for each in parts:
                    yield from self.of(each, scope, line, depth - 1)
            case ("dict", pairs):
                for key, each in pairs:
                    if key[0] != "string":
                        yield from self.of(each, scope, line, depth - 1)
            case ("operator", "|", left, right):
                yield from self.of(left, scope, line, depth - 1)
                yield from self.of(right, scope, line, depth - 1)
            case ("await" | "star", inner):
                yield from self.of(inner, scope, line, depth - 1)
            case ("comprehension", _, element):
                yield from self._gone_over(element, scope, line)
            case ("call", int(index)):
                yield from self._called(scope.facts.calls[index], scope, depth)
            case ("name" | "attribute", *_):
                found = list(self._mentioned(value, scope, line))
                yield from found or self._held(value, scope, depth)

    def _mentioned(self, value: Expression, scope: FunctionSymbol, line: int) -> Iterator[Access]:
        """The first mention from the line on: the same words may stand elsewhere in the function for something else."""
        here = self.whole.get(scope, ())
        if here and of_os(self._analysis, value, scope) in MAPPINGS:
            below = [each for each in here if each.mention.expression == value and each.line >= line]
            first = min((each.line for each in below), default=0)
            yield from (each for each in below if each.line == first)

    def _gone_over(self, element: Expression, scope: FunctionSymbol, line: int) -> Iterator[Access]:
        """`{key: value for key, value in os.environ.items()}`, with nothing that asks which."""
        for access in self.whole.get(scope, ()):
            if access.mention.where != ("attribute", "items") or access.line < line:
                continue
            names = {
                each.target[1]
                for each in scope.facts.assignments
                if each.line == access.line and each.target[0] == "name" and each.how in ("for", "unpack")
            }
            near = [each for each in scope.facts.uses if each.name in names and abs(each.line - access.line) <= 1]
            asked = any(
                each.where[0] in ("compare", "truth", "attribute", "called") or self._chooses(each, scope) for each in near
            )
            if len(names) > 1 and not asked and any(f"'{name}'" in str(element) for name in names):
                yield access

    def _chooses(self, use: Use, scope: FunctionSymbol) -> bool:
        """`if is_harmless(key)`, `if ALLOWED.match(key)`; a pattern of secrets says what is left out, and never all of it."""
        if use.where[0] != "argument" or scope.facts.calls[use.where[1]].where[0] != "truth":
            return False
        callee = scope.facts.calls[use.where[1]].callee
        if callee[0] != "attribute":
            return True
        match self._analysis.program.evaluate(callee[1], scope):
            case VariableSymbol(scope=holder, name=name):
                parts = (part for each in holder.assigned.get(name, ()) for part in within(each.value, holder))
                return not any(part[0] == "string" and WORDS.search(part[1]) for part in parts)
        return True

    def _called(self, call: CallSite, scope: FunctionSymbol, depth: int) -> Iterator[Access]:
        name = last_name(call.callee)
        if name in COPYING:
            inner = call.callee[1:2] if call.callee[0] == "attribute" and not call.arguments else call.arguments
            gathered = [value for keyword, value in call.keywords if not keyword or keyword == "**"]
            for each in (*inner, *gathered):
                yield from self.of(each, scope, call.line, depth - 1)
            return
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, receiver=receiver) if not function.module.library:
                yield from self._returned(function, depth)
                for kind in self._analysis.program.subclasses.get(receiver, ()) if receiver is not None else ():
                    for below in kind.methods.get(function.name, ()):
                        yield from self._returned(below, depth)

    def _returned(self, function: FunctionSymbol, depth: int) -> Iterator[Access]:
        for each in function.facts.returned:
            yield from self.of(each.value, function, each.line, depth - 1)

    def _held(self, value: Expression, scope: FunctionSymbol, depth: int) -> Iterator[Access]:
        """What a name, a field or a property has."""
        if value[0] == "attribute":
            kind = scope.owner if value[1] == ("name", "self") else None
            if kind is None:
                match self._analysis.receivers.value(value[1], scope):
                    case Instance(kind=made):
                        kind = made
            if kind is not None:
                yield from self._of_object(kind, value[2], depth)
                return
        match self._analysis.program.evaluate(value, scope):
            case VariableSymbol(scope=holder, name=name) if not holder.module.library:
                number = holder.parameters.get(name)
                default = None if number is None else holder.facts.parameters[number].default
                if default is not None and holder.parent is not None:
                    yield from self.of(default, holder.parent, holder.facts.line, depth - 1)
                for each in holder.assigned.get(name, ()):
                    yield from self.of(each.value, holder, each.line, depth - 1)
                for call in holder.facts.calls:
                    if call.callee == ("attribute", ("name", name), "update") and call.arguments:
                        yield from self.of(call.arguments[0], holder, call.line, depth - 1)

    def _of_object(self, kind: ClassSymbol, name: str, depth: int) -> Iterator[Access]:
        for each in (*self._analysis.program.order(kind)[0], *self._analysis.program.subclasses.get(kind, ())):
            for method, given in each.set_on_self.get(name, ()):
                yield from self.of(given.value, method, given.line, depth - 1)
            for one in each.body.assigned.get(name, ()):
                yield from self.of(one.value, each.body, one.line, depth - 1)
            for method in each.methods.get(name, ()):
                yield from self._returned(method, depth)


class Secret(NamedTuple):
    """A secret that is written down among the variables of a child, which has no use for it."""

    scope: FunctionSymbol
    call: CallSite
    variable: str
    program: str


def secrets_for_nothing(analysis: Analysis) -> Iterator[Secret]:
    """`run(["zstd", path], env={"PATH": …, "S3_SECRET": settings.s3_secret})`."""
    taking = {each.name for each in analysis.scopes if each.parameters.keys() & KEYWORDS and each.name != "__init__"}
    for scope, _, call in analysis.calls_of(*names_for(STARTING, analysis), *taking):
        if scope.module.in_tests or scope.facts.sort in (TOP, BODY):
            continue
        program = _program(call)
        for given, _ in _given(call, scope) if program in OFFLINE else ():
            for key, value in _written_down(given, scope):
                if SECRET.search(key) and value[0] not in ("string", "none", "constant"):
                    yield Secret(scope, call, key, program)
                    break


def _program(call: CallSite) -> str:
    """`zstd` of `run(["/usr/bin/zstd", path])` and of `run("zstd", path)`."""
    for first in call.arguments[:1]:
        if first[0] in ("list", "tuple") and first[1]:
            first = first[1][0]
        return str(first[1]).rpartition("/")[2] if first[0] == "string" else ""
    return ""


def _written_down(given: Expression, scope: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
    match given:
        case ("dict", pairs):
            yield from ((key[1], value) for key, value in pairs if key[0] == "string")
        case ("operator", "|", left, right):
            yield from (*_written_down(left, scope), *_written_down(right, scope))
        case ("name", str(name)) if name not in scope.parameters:
            for each in scope.assigned.get(name, ()):
                if each.how in ("=", "annotated") and each.value[0] == "dict":
                    yield from _written_down(each.value, scope)
            for one in scope.facts.assignments:
                if one.target[:2] == ("subscript", given) and one.target[2][0] == "string":
                    yield one.target[2][1], one.value


def is_elsewhere(analysis: Analysis, handing: HandedEnvironment) -> bool:
    """What is started would have nothing of it without that: a container, another machine, a server of tools for a model."""
    call = handing.call
    if ELSEWHERE & dict(call.keywords).keys() or last_name(call.callee) in OF_TOOLS:
        return True
    return maker(call.callee, handing.scope, analysis.program) in REMOTE


def is_within_a_function(handing: HandedEnvironment) -> bool:
    """It is started while the program runs, and not by the import of a module, which may prepare it: `partial(run, env=…)`."""
    return handing.scope.facts.sort not in (TOP, BODY) or last_name(handing.call.callee) == "partial"
