"""What annotations promise: an object of a class, a list of such, a coroutine, or nothing that guard understands."""

from typing import Final

from netra.guard.facts import BODY, OTHER, TOP, Assignment, Expression, last_name
from netra.guard.meaning.latecalls import LATE
from netra.guard.meaning.replacing import is_replaced
from netra.guard.program import OPEN, Program, imported_packages
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import AwaitableOf, Callback, ContextOf, GeneratorOf, Instance, Plain, TypeOf, Value, agreed

SEQUENCES: Final = frozenset(
    "list List set Set frozenset FrozenSet tuple Tuple deque Deque Sequence MutableSequence Iterable Collection".split()
)
MAPPINGS: Final = frozenset("dict Dict Mapping MutableMapping defaultdict DefaultDict OrderedDict".split())
PLAIN_TYPES: Final = frozenset(
    "str int float bool bytes bytearray list dict set frozenset tuple complex range memoryview NoneType".split()
)
# Names of its classes that asynchronous libraries have as well.
OF_THE_STANDARD_LIBRARY: Final = frozenset("Path Lock Event Condition Semaphore Queue Process Thread".split())
WRAPPERS: Final = frozenset("Annotated Optional ClassVar Final Required NotRequired ReadOnly Mapped InitVar".split())
# Modules of the standard library of which nothing takes or is a coroutine.
READING: Final = frozenset(
    "base64 binascii csv datetime decimal fractions hashlib hmac html ipaddress json math os pathlib re shutil statistics "
    "struct textwrap urllib uuid zlib".split()
)
# Classes whose objects are awaited, although they are written down without saying so.
LATE_KINDS: Final = frozenset({"Task", "Future"})
# Classes outside the program that make nothing that can be awaited of those below them.
RECORDS: Final = frozenset(
    """pydantic.BaseModel pydantic.main.BaseModel pydantic.RootModel pydantic_settings.BaseSettings sqlmodel.SQLModel
    typing.NamedTuple typing.TypedDict typing_extensions.TypedDict typing_extensions.NamedTuple enum.Enum enum.IntEnum
    enum.StrEnum enum.Flag enum.IntFlag builtins.str builtins.int builtins.dict builtins.list builtins.tuple""".split()
)


class Annotations:
    """Reads annotations of one program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def promised(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        """What an annotation promises."""
        match annotation:
            case ("none",):
                return Plain("None")
            case ("operator", "|", left, right):
                return agreed([self.promised(left, scope), self.promised(right, scope)])
            case ("name" | "attribute", *_):
                return self._of_name(annotation, scope)
            case ("subscript", head, key):
                return self._of_generic(last_name(head) or "", head, key, scope)
        return None

    def _of_name(self, annotation: Expression, scope: FunctionSymbol) -> Value | None:
        name = last_name(annotation) or ""
        symbol = self._program.evaluate(annotation, scope)
        match symbol:
            case ClassSymbol():
                return None if is_replaced(symbol, self._program) else Instance(symbol)
            case VariableSymbol(scope=where, name=alias):
                match where.assigned.get(alias):
                    case [Assignment(value=("subscript" | "operator" | "name" | "attribute", *_) as value)] if (
                        where.facts.sort in (TOP, BODY) and value != annotation
                    ):
                        return self.promised(value, where)
                return None
            case External(dotted=dotted):
                if dotted.startswith("builtins.") and name in PLAIN_TYPES:
                    return Plain(name)
                if name == "object" and scope.module.model:
                    return Plain("value")
                if name in ("Awaitable", "Coroutine"):
                    return AwaitableOf(None)
                if name == "Self":
                    return self._own(scope)
                return self._lost(name, of_models=True) if self._program.is_lost(dotted) else None
            case None if annotation[0] == "name" and not _is_bound(name, scope):
                return self._lost(name)
        return None

    def _own(self, scope: FunctionSymbol) -> Value | None:
        at: FunctionSymbol | None = scope
        while at is not None:
            if at.owner is not None:
                return Instance(at.owner)
            at = at.parent
        return None

    def _lost(self, name: str, *, of_models: bool = False) -> Value | None:
        """A class by its name alone, where its import leads nowhere: when there is only one of that name, or all of that name
        are classes below one.

        A module of the program that was not read may well hand on a library's `AsyncSession`. What else it has is not the
        program's class of the same name: many programs have a generated `Payment` beside their own. And who writes `Path`
        mostly means the one of the standard library.
        """
        found = [each for each in self._program.classes_named.get(name, ()) if each.module.model or not of_models]
        if name in OF_THE_STANDARD_LIBRARY:
            found = [each for each in found if not each.module.model]
        if len(found) > 1:  # what of a library that the program nowhere imports has the same name is not meant
            used = self._program.once(imported_packages)
            meant = [each for each in found if not each.module.model or each.module.name.partition(".")[0] in used]
            found = meant or found
        first = [each for each in found if all(each in self._program.order(other)[0] for other in found)]
        return Instance(first[0]) if first else None

    def _of_generic(self, name: str, head: Expression, key: Expression, scope: FunctionSymbol) -> Value | None:
        parts = key[1] if key[0] == "tuple" else (key,)
        first = parts[0] if parts else ("none",)
        if name in WRAPPERS:
            return self.promised(first, scope)
        if name == "Union":
            return agreed([self.promised(part, scope) for part in parts])
        if name in SEQUENCES:
            if name in ("tuple", "Tuple") and OTHER not in parts:
                return Plain("tuple", None, tuple(self.promised(part, scope) for part in parts))
            return Plain("list", self.promised(first, scope))
        if name in MAPPINGS:
            return Plain("dict", self.promised(parts[-1], scope))
        match name:
            case "Callable":
                given = parts[-1][1] if len(parts) == 2 and parts[-1][0] == "subscript" else ("other",)
                if _is_generator(parts[-1]):
                    return None  # a generator function, whoever wrote `Coroutine` around it
                match self.promised(parts[-1], scope) if last_name(given) in LATE else None:
                    case AwaitableOf(result=result):
                        return Callback(result)
                return None
            case "Awaitable" | "Coroutine":
                return AwaitableOf(self.promised(parts[-1], scope))
            case "AwaitableContext":
                return AwaitableOf(self.promised(first, scope), context=True)
            case "AsyncIterator" | "AsyncGenerator" | "AsyncIterable":
                return GeneratorOf(self.promised(first, scope), True)
            case "Iterator" | "Generator":
                return GeneratorOf(self.promised(first, scope), False)
            case "AbstractAsyncContextManager" | "AsyncContextManager":
                return ContextOf(self.promised(first, scope), True)
            case "AbstractContextManager" | "ContextManager":
                return ContextOf(self.promised(first, scope), False)
            case "type" | "Type":
                match self.promised(first, scope):
                    case Instance(kind=kind):
                        return TypeOf(kind)
                return None
            case "Literal":
                return Plain("value")
        match self._program.evaluate(head, scope):
            case ClassSymbol() as kind:
                return Instance(kind, tuple(self.promised(part, scope) for part in parts))
        return None

    def promises_value(self, annotation: Expression, scope: FunctionSymbol) -> bool:
        """Whether an annotation leaves no room for anything that could be awaited."""
        match annotation:
            case ("operator", "|", left, right):
                return self.promises_value(left, scope) and self.promises_value(right, scope)
            case ("subscript", head, key) if (name := last_name(head)) in ("Union", "Optional", "Annotated"):
                parts = key[1] if key[0] == "tuple" else (key,)
                return all(self.promises_value(part, scope) for part in (parts[:1] if name == "Annotated" else parts))
        match self.promised(annotation, scope):
            case Plain():
                return True
            case Instance(kind=kind):
                return self.is_never_awaited(kind)
            case None:
                match self._program.evaluate(annotation, scope):
                    case External(dotted=name):
                        return name.partition(".")[0] in READING
        return False

    def is_never_awaited(self, kind: ClassSymbol) -> bool:
        """Neither the class nor one above it says how to wait for its objects, and each of those is known."""
        order, closed = self._program.order(kind)
        if kind.name in LATE_KINDS or any("__await__" in each.methods for each in order):
            return False
        return closed or all(self._is_record(base, each) for each in order for base in each.facts.bases)

    def _is_record(self, base: Expression, of: ClassSymbol) -> bool:
        match self._program.evaluate(base[1] if base[0] == "subscript" else base, of.module.function(of.facts.scope)):
            case ClassSymbol(module=module):
                return not module.library
            case External(dotted=dotted):
                return dotted in RECORDS or dotted in OPEN
        return False


def _is_generator(annotation: Expression) -> bool:
    """`Coroutine[Any, Any, AsyncGenerator[Row, None]]`: what it gives, it says of what is inside."""
    match annotation:
        case ("subscript", head, ("tuple", (*_, ("subscript", inner, _)))) if last_name(head) == "Coroutine":
            return (last_name(inner) or "").startswith("Async")
    return False


def _is_bound(name: str, scope: FunctionSymbol) -> bool:
    at: FunctionSymbol | None = scope
    while at is not None:
        if name in at.bound:
            return True
        at = at.parent
    return "*" in scope.module.top.imported
