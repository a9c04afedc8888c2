"""What is known of one file, as plain values that `marshal` can store: nothing here refers to another file.

An expression is a tuple that begins with what it is, so that `match` reads it and nothing has to be built to load it:

    ("name", id)                       ("attribute", expression, name)      ("call", index into Function.calls)
    ("await", expression)              ("subscript", expression, key)       ("string", text)
    ("constant", type name)            ("none",)                            ("choice", (expression, …))
    ("list" | "tuple" | "set", (…))    ("dict", ((key, value), …))          ("comprehension", type name, element)
    ("formatted", (expression, …))     ("operator", symbol, left, right)    ("compare", (expression, …), operators)
    ("not", expression)                ("star", expression)                 ("yield", expression)
    ("lambda", index of its function)    ("other",)

A `bool` and a `float` have their value behind the name of their type, and so have the numbers of `REFUSALS`.

A context says where an expression stands, and is a tuple as well; `contexts.py` says which of them accept a coroutine:

    ("statement",) ("await",) ("return",) ("yield",) ("truth",) ("compare",) ("operator",) ("format",) ("attribute", name)
    ("subscript", key when it is a text) ("store",) ("index",) ("iterate",) ("iterate async",) ("unpack",) ("with",)
    ("with async",) ("raise",) ("called",) ("assign", target expression) ("argument", index of the call, position or keyword)
    ("element", context of the container) ("default",) ("decorator",) ("lambda",) ("other",)

An awaited call stands in ("await", context of the `await`).
"""

from dataclasses import fields, is_dataclass
from itertools import starmap
from operator import attrgetter
from typing import Any, Final, NamedTuple

from netra.guard.immutable import immutable

Expression = tuple[Any, ...]
Where = tuple[Any, ...]

# What somebody is answered who is not signed in, may not do it, or asks for what is not there.
REFUSALS: Final = frozenset({401, 403, 404})

NOTHING: Final[Expression] = ("none",)
SELF: Final[Expression] = ("name", "self")
OTHER: Final[Expression] = ("other",)

# Ways into the process environment and assertions of mocks, of which every mention is kept, called or not.
WATCHED: Final = frozenset(
    """environ environb getenv getenvb putenv unsetenv expandvars load_dotenv dotenv_values
    assert_called assert_called_once assert_called_with assert_called_once_with assert_any_call assert_has_calls
    assert_not_called assert_awaited assert_awaited_once assert_awaited_with assert_awaited_once_with assert_not_awaited
    """.split()
)

# Scopes of a file: its first function is the code at its top, and each class body has one as well.
TOP: Final = "top"
BODY: Final = "body"
PLAIN: Final = "plain"
ASYNC: Final = "async"
LAMBDA: Final = "lambda"

# Expressions that end in a name. Where a loop sees every call or assignment there is, `last_name` is written out with this.
NAMED: Final = frozenset({"name", "attribute"})

# Facts have slots. A large program has half a million of them, and rules read their fields tens of millions of times: Python
# reads a slot in a quarter of the time that a field of a named tuple takes.


@immutable
class Parameter:
    """One parameter. `position` is "positional", "keyword", "arguments" (*args) or "keywords" (**kwargs)."""

    name: str
    annotation: Expression | None
    default: Expression | None
    position: str
    line: int


@immutable
class CallSite:
    """One call, with the place it stands in."""

    callee: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    where: Where
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def given(self) -> tuple[Expression, ...]:
        """All that it passes, by position and by name."""
        return (*self.arguments, *[value for _, value in self.keywords]) if self.keywords else self.arguments

    @property
    def placed(self) -> list[tuple[int | str, Expression]]:
        """The same, each with the position or the name by which it is passed."""
        return [*enumerate(self.arguments), *self.keywords]


@immutable
class Assignment:
    """A name, attribute or item gets a value; `how` is "=", "annotated", "with", "with async", "for", "for async", "unpack"
    (one of several, so that the value is only known to be a part), "augmented", "except", "delete".
    """

    target: Expression
    value: Expression
    annotation: Expression | None
    how: str
    line: int
    column: int


@immutable
class Use:
    """A local name, or an attribute of `self` written `self.name`, is read."""

    name: str
    where: Where
    line: int
    column: int


@immutable
class AttributeRead:
    """An attribute is read and not called: `a.b.c` as a whole, without its parts. Those of calls are in their `callee`."""

    expression: Expression
    where: Where
    line: int
    column: int


@immutable
class Mention:
    """One of the names in `WATCHED` is read, under whatever name it was imported."""

    expression: Expression
    where: Where
    line: int
    column: int


@immutable
class Returned:
    """A `return` with a value, or a `yield` (`how` says which)."""

    value: Expression
    how: str
    line: int
    column: int


@immutable
class Block:
    """A stretch of lines that means something to what stands in it.

    `what` is "with", "with async" (`expressions`: the one that is entered), "try" (`expressions`: what its handlers catch),
    "handler", "otherwise" (the `else` of a `try`), "finally", "if", "else" (`expressions`: the test), "loop" (`expressions`:
    its test, or what it goes over), "case" (`expressions`: the subject; none where it takes whatever is left).
    """

    what: str
    expressions: tuple[Expression, ...]
    line: int
    end_line: int
    head: int
    """The last line in front of it that holds code of the same statement: of its test, of what it enters or catches, or of
    the block before it. The line above, where it begins on that line itself.
    """


@immutable
class Import:
    """`import module as bound` (name is "") or `from module import name as bound`; a relative one has a level."""

    module: str
    level: int
    name: str
    bound: str
    line: int
    unsaid: bool = False
    """The file gives it another name, by which facts do not call it (see `Collector`). Others find it under that one only."""


@immutable
class Decorator:
    """A decorator with what it is called with, when it is called."""

    callee: Expression
    called: bool
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    line: int


@immutable
class Function:
    """A function, or the code of a class body or module, which runs as one."""

    number: int
    name: str
    qualified: str
    sort: str
    parent: int
    """The function around it; -1 for the top."""
    owner: int
    """The class whose method it is; -1 for none."""
    line: int
    column: int
    end_line: int
    decorators: tuple[Decorator, ...]
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    calls: tuple[CallSite, ...]
    assignments: tuple[Assignment, ...]
    uses: tuple[Use, ...]
    returned: tuple[Returned, ...]
    blocks: tuple[Block, ...]
    imports: tuple[Import, ...]
    awaits: tuple[tuple[Expression, int, int, int], ...]
    """What is awaited, with line, column and last line."""
    asserts: tuple[tuple[Expression, int], ...]
    """What is asserted, with its line; ("operator", "or", test, OTHER) where a literal among its parts is true."""
    globals: tuple[str, ...]
    loads: tuple[str, ...]
    """Every name it reads, those of nested functions left out."""
    abstract: bool
    """Its body is empty, or only raises NotImplementedError; that of a class is `...`."""
    examples: bool
    """Its docstring holds examples that `doctest` runs. The words of a docstring are asked for nothing else."""
    mentions: tuple[Mention, ...]
    raises: tuple[int, ...]
    """The lines of its `raise` statements."""
    falls: bool
    """Some path through it reaches its end without a `return` or `raise`."""
    reads: tuple[AttributeRead, ...]
    jumps: tuple[tuple[str, int], ...]
    """Its "break", "continue" and "return" without a value, with their lines."""
    unreached: tuple[tuple[int, int], ...] = ()
    """First and last lines that nobody gets to: they follow a `return`, or stand under `if False:`."""
    cases: tuple[tuple[int, Expression, tuple[Expression, ...], bool, int, int], ...] = ()
    """Of each `case`: the line of its `match`, the subject, the classes of which its pattern asks for an object (none where
    it asks for something else), whether it takes all of those, and the first and last line of what it runs."""
    joined: tuple[tuple[int, int, Expression, str], ...] = ()
    """What is given to a call and joined by "and" or "or", with line and column before it, and which of them behind: as an
    expression it looks like any other choice. Kept where its first part compares, negates, calls or is an attribute."""

    @property
    def yields(self) -> bool:
        for each in self.returned:  # noqa: SIM110 - asked of every function, and a generator takes thrice as long
            if each.how == "yield":
                return True
        return False

    @property
    def asynchronous(self) -> bool:
        return self.sort == ASYNC


@immutable
class Class:
    """A class; `body` is the function that stands for the code of its body."""

    number: int
    name: str
    qualified: str
    scope: int
    """The function in which the class stands."""
    body: int
    bases: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    decorators: tuple[Decorator, ...]
    line: int
    column: int
    end_line: int


class Ignore(NamedTuple):
    """`# guard: ignore[A101, A102] because` on a line; an empty reason does not count."""

    line: int
    codes: tuple[str, ...]
    reason: str
    alone: bool
    """Nothing else stands on its line: it speaks of the next."""


class Problem(NamedTuple):
    """A stretch of lines that does not parse; `newer` names the syntax when only a newer Python knows it."""

    line: int
    column: int
    end_line: int
    message: str
    newer: str


class Unbound(NamedTuple):
    """A name is read in a scope in which, as far as its file tells, it has no value.

    `how` is "missing": nothing binds it; "checking": only an import for type checkers does; "handler": it is what an
    `except … as` caught, which is gone behind its handler; "later": its function binds it further down only; "sometimes",
    "uncovered", "skipped": a way through the statements before gives it none; "apart": only the other branch does; "ended":
    what gives it one may fail, and a `finally` reads it.
    """

    function: int
    name: str
    how: str
    line: int
    column: int
    bound: int
    """The line that binds it after all, for others or at another time; 0 when there is none."""


class File(NamedTuple):
    """All that is known of one file."""

    functions: tuple[Function, ...]
    classes: tuple[Class, ...]
    exports: tuple[str, ...] | None
    ignores: tuple[Ignore, ...]
    problems: tuple[Problem, ...]
    lines: int
    unbound: tuple[Unbound, ...]
    waived: tuple[tuple[int, str], ...] = ()
    """Lines on which another checker is told to be silent, and about what: see `waivers.py`."""


_PARTS: Final[dict[int, Any]] = {
    Function.__match_args__.index(name): kind
    for name, kind in {
        "decorators": Decorator,
        "parameters": Parameter,
        "calls": CallSite,
        "assignments": Assignment,
        "uses": Use,
        "returned": Returned,
        "blocks": Block,
        "imports": Import,
        "mentions": Mention,
        "reads": AttributeRead,
    }.items()
}
"""Fields of a function that hold facts of their own, each with what they are."""

_DECORATORS: Final = Class.__match_args__.index("decorators")

_BARE: Final = {kind: attrgetter(*kind.__match_args__) for kind in (Function, Class, *_PARTS.values())}
"""Of each sort of fact: what makes a plain tuple of one."""


def stored(file: File) -> tuple[Any, ...]:
    """A file as `marshal` takes it: it knows plain tuples and nothing else. Expressions and contexts are bare already."""
    return (
        tuple([stored_function(each) for each in file.functions]),
        tuple([_stored_class(each) for each in file.classes]),
        file.exports,
        tuple(map(tuple, file.ignores)),
        tuple(map(tuple, file.problems)),
        file.lines,
        tuple(map(tuple, file.unbound)),
        file.waived,
    )


def stored_function(function: Function) -> tuple[Any, ...]:
    """A function, with all facts that it holds, as plain tuples."""
    values: list[Any] = list(_BARE[Function](function))
    for number, kind in _PARTS.items():
        if values[number]:
            values[number] = tuple(map(_BARE[kind], values[number]))
    return tuple(values)


def _stored_class(of: Class) -> tuple[Any, ...]:
    values: list[Any] = list(_BARE[Class](of))
    values[_DECORATORS] = tuple(map(_BARE[Decorator], of.decorators))
    return tuple(values)


def stored_plainly(value: Any) -> Any:
    """Any tuple of tuples and objects with fields, as `marshal` takes it."""
    if isinstance(value, tuple):
        return tuple([stored_plainly(each) for each in value])
    if is_dataclass(value):
        return tuple([stored_plainly(getattr(value, each.name)) for each in fields(value)])
    return value


def restored(raw: tuple[Any, ...]) -> File:
    """What `stored` made, as facts again."""
    functions, classes, exports, ignores, problems, lines, unbound, waived = raw
    return File(
        tuple([_function(each) for each in functions]),
        tuple([_class(each) for each in classes]),
        exports,
        tuple([Ignore._make(each) for each in ignores]),
        tuple([Problem._make(each) for each in problems]),
        lines,
        tuple([Unbound._make(each) for each in unbound]),
        waived,
    )


def _function(raw: tuple[Any, ...]) -> Function:
    values = list(raw)
    for number, kind in _PARTS.items():
        if values[number]:
            values[number] = tuple(starmap(kind, values[number]))
    return Function(*values)


def _class(raw: tuple[Any, ...]) -> Class:
    values = list(raw)
    values[_DECORATORS] = tuple(starmap(Decorator, values[_DECORATORS]))
    return Class(*values)


def dotted(expression: Expression) -> str | None:
    """`a.b.c` of an expression that is only names and dots; None of any other."""
    names = []
    while expression[0] == "attribute":
        names.append(expression[2])
        expression = expression[1]
    if expression[0] != "name":
        return None
    names.append(expression[1])
    return ".".join(reversed(names))


def is_for_checkers(line: int, function: Function) -> bool:
    """The line of a function or a module stands under `if TYPE_CHECKING:`, and never runs."""
    around = [block for block in function.blocks if block.what == "if" and block.line <= line <= block.end_line]
    return any(last_name(test) == "TYPE_CHECKING" for block in around for test in block.expressions)


def last_name(expression: Expression) -> str | None:
    """`c` of `a.b.c`, of `x().c` and of `c`."""
    # The most frequent question of all: `match` takes four times as long for it.
    return expression[-1] if expression and expression[0] in NAMED else None
