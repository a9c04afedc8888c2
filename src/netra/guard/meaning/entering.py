"""Objects that are entered by `with` and know only `async with`, and the other way round."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import Block, Expression
from netra.guard.meaning.contexts import is_expected_to_raise
from netra.guard.meaning.narrowing import is_told_apart
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import AwaitableOf, ContextOf, Either, Foreign, Instance, Routine, Step, Value

LATE: Final = "with async"
EARLY: Final = "with"

# What is entered is the method itself.
NOT_CALLED: Final = "a method that is not called"

METHODS: Final = {EARLY: "__enter__", LATE: "__aenter__"}

# Of the standard library, what is entered by `with` only.
NEVER_LATE: Final = frozenset(
    """builtins.open io.open gzip.open bz2.open lzma.open tarfile.open zipfile.ZipFile os.scandir os.fdopen
    contextlib.suppress contextlib.closing contextlib.redirect_stdout contextlib.redirect_stderr warnings.catch_warnings
    tempfile.TemporaryDirectory tempfile.TemporaryFile tempfile.NamedTemporaryFile tempfile.SpooledTemporaryFile
    concurrent.futures.ThreadPoolExecutor concurrent.futures.ProcessPoolExecutor""".split()
)


class Entered(NamedTuple):
    """An expression that is entered in a way which it does not know."""

    scope: FunctionSymbol
    expression: Expression
    late: bool
    """It is entered by `async with`."""
    what: str
    steps: tuple[Step, ...]
    line: int
    column: int
    end_line: int


def wrongly_entered(program: Program, receivers: Receivers) -> Iterator[Entered]:
    """Every such object in the program's own files."""
    for scope in program.scopes:
        for block in scope.facts.blocks:
            if block.what in METHODS:
                yield from _judged(program, receivers, scope, block.expressions[0], block)


def _judged(
    program: Program, receivers: Receivers, scope: FunctionSymbol, entered: Expression, block: Block
) -> Iterator[Entered]:
    way, place = block.what, _place(scope, entered, block)
    if is_expected_to_raise(scope, place[0]) or is_told_apart(entered, METHODS[way], scope):
        return
    if (found := _other_way_only(program, receivers, scope, entered, way)) is not None:
        what, steps = found
        yield Entered(scope, entered, way == LATE, what, steps, *place)


def _place(scope: FunctionSymbol, entered: Expression, block: Block) -> tuple[int, int, int]:
    """Where it stands. Of a name of the module, and of what is looked up by a key, only the line is known."""
    match entered:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            return call.line, call.column, call.end_line
        case ("name", str(name)):
            uses = [each for each in scope.facts.uses if each.name == name and each.where == (block.what,)]
            if uses:
                return uses[0].line, uses[0].column, uses[0].line
        case ("attribute", *_):
            reads = [each for each in scope.facts.reads if each.expression == entered and each.where == (block.what,)]
            if reads:
                return reads[0].line, reads[0].column, reads[0].line
    return block.head, 0, block.head


def _other_way_only(
    program: Program, receivers: Receivers, scope: FunctionSymbol, entered: Expression, way: str
) -> tuple[str, tuple[Step, ...]] | None:
    made = _made_once(entered, scope)
    if made is not None and way == LATE:
        match receivers.value(scope.facts.calls[made].callee, scope):
            case Foreign(symbol=External(dotted=dotted)) if dotted in NEVER_LATE:
                name = dotted.removeprefix("builtins.")
                return f"what `{name}` gives", (Step("", 0, f"`{name}` gives a context manager without `__aenter__`"),)
    if _is_made_by_choice(program, receivers, scope, entered):
        return None
    value = receivers.value(entered, scope)
    match value:
        case Routine(function=function) if function.owner is not None and not function.facts.decorators:
            # A decorator may make a property of it, under whatever name.
            path, line = ("", 0) if function.module.library else (function.module.path, function.facts.line)
            return NOT_CALLED, (Step(path, line, f"`{function.name}` is a method"),)
    options = value.options if isinstance(value, Either) else (value,)
    found = [_proof(program, option, way) for option in options]
    return found[0] if None not in found else None


def _made_once(entered: Expression, scope: FunctionSymbol) -> int | None:
    """The call itself, or the one that a name of this function is given once and for all: `file = open(path)`."""
    match entered:
        case ("call", int(index)):
            return index
        case ("name", str(name)) if name not in scope.parameters and len(made := scope.assigned.get(name, [])) == 1:
            return made[0].value[1] if made[0].how == "=" and made[0].value[0] == "call" else None
    return None


def _is_made_by_choice(program: Program, receivers: Receivers, scope: FunctionSymbol, entered: Expression) -> bool:
    """A session out of a `sessionmaker`, where some of those that the program makes are told which class to make."""
    if entered[0] != "call":
        return False
    match receivers.value(scope.facts.calls[entered[1]].callee, scope):
        case Instance(kind=kind) if kind.name == "sessionmaker":
            made = program.calls_of(["sessionmaker"])
            return not made or any(key in ("class_", None) for _, _, call in made for key, _ in call.keywords)
    return False


def _proof(program: Program, value: Value | None, way: str) -> tuple[str, tuple[Step, ...]] | None:
    match value:
        case Instance(kind=kind) if _knows_other_way_only(program, kind, way):
            path, line = ("", 0) if kind.module.library else (kind.module.path, kind.facts.line)
            other = METHODS[EARLY if way == LATE else LATE]
            note = f"`{kind.full_name if kind.module.library else kind.name}` has `{other}` and no `{METHODS[way]}`"
            return f"a `{kind.name}`", (Step(path, line, note),)
        case AwaitableOf(context=True, function=FunctionSymbol() as function) if way == EARLY:
            return "an async context manager", (Step("", 0, f"`{function.name}` gives something to await or to enter"),)
    return None


def _knows_other_way_only(program: Program, kind: ClassSymbol, way: str) -> bool:
    order, closed = program.order(kind)
    if not closed or kind.module.installed or kind.facts.decorators or kind.facts.keywords:
        return False
    other = METHODS[EARLY if way == LATE else LATE]
    if any(_has(each, METHODS[way]) for each in order):
        return False
    for below in program.subclasses.get(kind, ()):
        above, known = program.order(below)
        if not known or any(_has(each, METHODS[way]) for each in above):
            return False
    return any(_has(each, other) for each in order)


def _has(kind: ClassSymbol, name: str) -> bool:
    return name in kind.methods or name in kind.body.assigned


def is_dealt_with(line: int, scope: FunctionSymbol, kinds: tuple[str, ...], receivers: Receivers) -> bool:
    """The line stands in a `with` of the program's own manager, whose code names one of these errors."""
    return any(
        block.what in METHODS
        and block.line <= line <= block.end_line
        and any(not set(kinds).isdisjoint(each.facts.loads) for each in _leaving(block.expressions[0], scope, receivers))
        for block in scope.facts.blocks
    )


def _leaving(entered: Expression, scope: FunctionSymbol, receivers: Receivers) -> Iterator[FunctionSymbol]:
    """The functions of the program that learn of an error in the block."""
    match receivers.value(entered, scope):
        case ContextOf(function=FunctionSymbol() as function):
            yield function
        case Instance(kind=kind):
            for name in ("__exit__", "__aexit__"):
                match receivers.attribute(Instance(kind), name):
                    case Routine(function=function):
                        yield function
