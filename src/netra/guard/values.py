"""What an expression may be. Not types: as much as tells a value from what has to be awaited, and one class from another."""

from dataclasses import field
from typing import Final, TypeAlias

from netra.guard.immutable import immutable
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol


@immutable
class Step:
    """One place of a chain that proves something."""

    path: str
    line: int
    note: str


@immutable
class Instance:
    """An object of a class; `of` are the values of its type arguments, as far as they are known."""

    kind: ClassSymbol
    of: "tuple[Value | None, ...]" = ()


@immutable
class TypeOf:
    """A class itself."""

    kind: ClassSymbol


@immutable
class Routine:
    """A function, not called yet; `receiver` is the class it was found on, when it was."""

    function: FunctionSymbol
    receiver: ClassSymbol | None = None
    bound: bool = False


@immutable
class Callback:
    """Something of which an annotation says that calling it gives something to await: `Callable[[Event], Awaitable[None]]`."""

    result: "Value | None"
    """What awaiting it gives."""


@immutable
class ModuleValue:
    """A module."""

    module: ModuleSymbol


@immutable
class Foreign:
    """Something of a library without a model: known by name, not by what it does."""

    symbol: External


@immutable
class CoroutineOf:
    """What calling an async function gives: `await` turns it into `result`."""

    result: "Value | None"
    function: FunctionSymbol
    chain: tuple[Step, ...] = field(default=(), compare=False)


@immutable
class AwaitableOf:
    """A task or future. `context`: also an async context manager, as what `aiohttp.ClientSession.get` gives."""

    result: "Value | None"
    context: bool = False
    function: FunctionSymbol | None = None


@immutable
class GeneratorOf:
    """What calling a generator function gives."""

    item: "Value | None"
    asynchronous: bool
    function: FunctionSymbol | None = None


@immutable
class ContextOf:
    """What calling a function under `@contextmanager` or `@asynccontextmanager` gives."""

    item: "Value | None"
    asynchronous: bool
    function: FunctionSymbol | None = None


@immutable
class Plain:
    """A value of a builtin type, by its name: `None`, `str`, `list`; never something to await."""

    name: str
    item: "Value | None" = None
    """What it holds, when all of it is alike."""
    parts: "tuple[Value | None, ...]" = ()
    """What a tuple holds in each place, and what each of several awaited together gives."""


@immutable
class Either:
    """One of several objects or functions; what is asked of it must be true of all."""

    options: "tuple[Value, ...]"


Value: TypeAlias = (
    Instance
    | TypeOf
    | Routine
    | Callback
    | ModuleValue
    | Foreign
    | CoroutineOf
    | AwaitableOf
    | GeneratorOf
    | ContextOf
    | Plain
    | Either
)

# Of more than this, nobody can say what they have in common.
MOST_OPTIONS: Final = 6


def agreed(values: "list[Value | None]") -> "Value | None":
    """The one value that all are, None left aside; nothing when they differ or one of them is unknown.

    Objects of several classes, and several functions, are one or another of them.
    """
    if len(values) == 1:
        return values[0]
    left = [value for value in values if type(value) is not Plain or value != _NONE]
    if not left:
        return _NONE if values else None
    first = left[0]
    if first is None or all(value == first for value in left[1:]):
        return first
    if None in left:
        return None
    options: dict[Value, None] = {}
    for value in left:
        options.update(dict.fromkeys(value.options if isinstance(value, Either) else (value,)))  # type: ignore[arg-type]
    sorts = {type(option) for option in options}
    if len(options) <= MOST_OPTIONS and sorts in ({Instance}, {Routine}):
        return Either(tuple(options))
    if sorts == {Plain} and len({option.name for option in options if isinstance(option, Plain)}) == 1:
        return Plain(first.name) if isinstance(first, Plain) else None
    return None


_NONE: Final = Plain("None")
