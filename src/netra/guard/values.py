"""What an expression may be. Not types: as much as tells a value from what has to be awaited, and one class from another."""

from dataclasses import dataclass, field
from typing import TypeAlias

from netra.guard.program import ClassSymbol, External, FunctionSymbol, ModuleSymbol


@dataclass(frozen=True, slots=True)
class Step:
    """One place of a chain that proves something."""

    path: str
    line: int
    note: str


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class; `of` are the values of its type arguments, as far as they are known."""

    kind: ClassSymbol
    of: "tuple[Value | None, ...]" = ()


@dataclass(frozen=True, slots=True)
class TypeOf:
    """A class itself."""

    kind: ClassSymbol


@dataclass(frozen=True, slots=True)
class Routine:
    """A function, not called yet; `receiver` is the class it was found on, when it was."""

    function: FunctionSymbol
    receiver: ClassSymbol | None = None
    bound: bool = False


@dataclass(frozen=True, slots=True)
class ModuleValue:
    """A module."""

    module: ModuleSymbol


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something of a library without a model: known by name, not by what it does."""

    symbol: External


@dataclass(frozen=True, slots=True)
class CoroutineOf:
    """What calling an async function gives: `await` turns it into `result`."""

    result: "Value | None"
    function: FunctionSymbol
    chain: tuple[Step, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class AwaitableOf:
    """A task or future. `context`: also an async context manager, as what `aiohttp.ClientSession.get` gives."""

    result: "Value | None"
    context: bool = False
    function: FunctionSymbol | None = None


@dataclass(frozen=True, slots=True)
class GeneratorOf:
    """What calling a generator function gives."""

    item: "Value | None"
    asynchronous: bool
    function: FunctionSymbol | None = None


@dataclass(frozen=True, slots=True)
class ContextOf:
    """What calling a function under `@contextmanager` or `@asynccontextmanager` gives."""

    item: "Value | None"
    asynchronous: bool
    function: FunctionSymbol | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """A value of a builtin type, by its name: `None`, `str`, `list`; never something to await."""

    name: str
    item: "Value | None" = None
    """What it holds, when all of it is alike."""


Value: TypeAlias = (
    Instance | TypeOf | Routine | ModuleValue | Foreign | CoroutineOf | AwaitableOf | GeneratorOf | ContextOf | Plain
)


def agreed(values: "list[Value | None]") -> "Value | None":
    """The one value that all are, None left aside; nothing when they differ or one of them is unknown."""
    left = [value for value in values if value != Plain("None")]
    if not left:
        return Plain("None") if values else None
    first = left[0]
    if first is None or any(value != first for value in left[1:]):
        return None
    return first
