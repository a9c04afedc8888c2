"""D102."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.connections import is_migration, runs_for_itself
from netra.guard.database.statements import Piece, Statements
from netra.guard.facts import TOP, CallSite, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.meaning.parameters import parameter_given
from netra.guard.requests.deferred import DeferredCalls
from netra.guard.requests.request_values import RequestValues
from netra.guard.rule import rule
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Routine, Step

EXECUTING: Final = tuple(
    """execute executemany executescript exec_driver_sql exec scalar scalars
    fetch fetchrow fetchval fetchmany fetch_all fetch_one fetch_val raw text iterate stream stream_scalars prepare cursor
    execute_query execute_query_dict execute_insert execute_script execute_many read_sql read_sql_query query sql
    executesql raw_query literal_column RawSQL TextClause copy_expert select_all select_one query_and_wait execute_fetchall
    copy_from_query execute_sql query_df query_arrow query_np""".split()
)
# Of these, functions of libraries that are called as they are.
PLAINLY: Final = frozenset({"read_sql", "read_sql_query", "sql"})
# What a text of a statement is called where it is given by name.
BY_NAME: Final = frozenset("sql query statement stmt operation clause text".split())

VERB: Final = re.compile(
    r"""\s*\(?\s*(select|insert|update|delete|set|drop|alter|create|with|truncate|grant|revoke|replace|merge|call
    |pragma|explain|describe|show|attach|copy|vacuum|lock|exec|refresh|reindex|listen|notify|begin|do)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# What tells a statement whose first words are not written down: `f"{BASE} WHERE name = '{name}'"`.
CLAUSE: Final = re.compile(r"\b(?:where|from|order\s+by|group\s+by|values|limit|having)\b", re.IGNORECASE)
# Where a value stands, and not the name of a table or a column.
VALUE: Final = re.compile(
    r"""(?:[=<>'%|]|[=<>']\s*"|\b(?:like|between|limit|offset|against\s*\(|interval)|\b(?:in|values)\s*\([^()]*)\s*$""",
    re.IGNORECASE,
)
# What the body of a function in the database holds can be no parameter: such a statement takes none.
DEFINING: Final = re.compile(r"\s*create\s+(?:or\s+replace\s+)?(?:function|procedure|trigger|rule)\b", re.IGNORECASE)
# What sorts can be no parameter of a statement either, and a client that sends it writes into the statement all the same.
ORDER: Final = re.compile(r"\b(?:order|group)\s+by\b[^()]*$|\b(?:where|and|or|having|not)\s*\(*\s*$", re.IGNORECASE)
# Nor can the name of a table or a column.
NAMED: Final = re.compile(
    r"""\b(?:from|join|into|update|table|exists|select|distinct|set|view|index|schema|database|role|user|policy|on|truncate
    |pragma|describe|listen|notify)\s+[\w.]*["`\[]?\s*$|\bselect\b[^()]*,\s*$|\binto\s+[\w.?"`]+\s*\([^()]*$|\bset\b[^()']*,\s*$""",
    re.IGNORECASE | re.VERBOSE,
)

# Parameters that say what is asked and not for whom: their callers choose them among few.
NAMING: Final = (
    "table",
    "schema",
    "column",
    "database",
    "db",
    "index",
    "dialect",
    "type",
    "collection",
    "field",
    "sql",
    "where",
)

# What takes a text as a piece of a statement.
FRAGMENTS: Final = frozenset(
    """order_by group_by where filter having select with_only_columns and_ or_ not_ annotate alias add_columns desc asc
    nulls_first nulls_last nullslast case aggregate exclude distinct filter_by select_from join outerjoin on column
    reorder_by""".split()
)
# Keywords of Django's `extra` that hold pieces of a statement.
PIECES: Final = frozenset({"where", "order_by", "tables"})
OF_ALCHEMY: Final = "sqlalchemy"

# Letters in front of a value that tell what it is.
MOST_BEFORE: Final = 400

# What is no text, or one into which nothing is put.
WHOLE: Final = frozenset({"string", "constant", "none", "list", "dict", "lambda"})

# Functions between the statement and what executes it.
FURTHEST: Final = 2


class Statement(NamedTuple):
    """A text that a call of this function executes, itself or through the functions that it hands the text to."""

    scope: FunctionSymbol
    call: CallSite
    text: Expression
    below: tuple[Step, ...]
    """The functions on the way to what executes it."""
    fragment: bool = False
    """It is a piece of a statement that a library puts together: `order_by(text(…))`."""


@rule("D102", "composed-statement", hesitant=True)
def composed_statement(analysis: Analysis) -> Iterator[Sighting]:
    """A statement is put together out of strings with a value that comes from outside, instead of a parameter.

    Whoever chooses the value chooses the statement.

    ```python
    @app.get("/people")
    async def find(name: str, session: AsyncSession = Depends(get_session)):
        await session.execute(text(f"SELECT * FROM person WHERE name = '{name}'"))  # D102
    ```

    Reported are values that stand inside the text in quotes or after a comparison, and that come from a parameter of a route,
    also through the functions between, or from a parameter of a function that is there for others. How the text is put
    together, here or by a function that gives a piece of it, makes no difference. Guard is certain of what a request brings and
    of what a model says. Numbers, enums and what was compared, matched or quoted before are left alone, and so is what defines
    a function of the database. Names of tables and columns and what sorts, which cannot be parameters of a statement, are told
    where a request or a model brings them.
    """
    statements, values = analysis.once(Statements), analysis.once(RequestValues)
    seen: set[tuple[FunctionSymbol, int, Expression]] = set()
    for each in _executed(analysis, statements):
        for part, before, orders in _values_inside(statements.parts(each.text, each.scope), each.fragment):
            place = part.line or each.call.line
            if part.value is None or (part.scope, place, part.value) in seen:
                continue
            source = _source(analysis, values, part.scope, part.value, only_sent=orders)
            if source is None:
                continue
            seen.add((part.scope, place, part.value))
            value, callee = written(part.value, part.scope), written(each.call.callee, each.scope)
            message = f"`{value}` is written into the statement of `{callee}`"
            step = Step(part.scope.module.path, place, f"the statement is put together here: `{before}…`")
            mend = Mend("choose it among texts that are written down" if orders else "pass it as a parameter of the statement")
            call = each.call
            why = (*source.steps, step, *each.below)
            sure = CERTAIN if source.sent else LIKELY
            yield Sighting(each.scope, call.line, call.column, call.end_line, message, why, mend, sure)
            break


def _executed(analysis: Analysis, statements: Statements) -> Iterator[Statement]:
    """Every text that is executed, where it is put together."""
    wrapped: list[Statement] = []
    passing: list[tuple[FunctionSymbol, str, tuple[Step, ...]]] = []
    for scope, _, call in analysis.calls_of(*EXECUTING):
        text = _text_of(call)
        if text is None or text[0] in WHOLE or scope.module.in_tests or scope.facts.sort == TOP or is_migration(scope.module):
            continue
        found = Statement(scope, call, text, ())
        if statements.is_wrapping(call.callee, scope):
            # What executes it is looked through to here; left is what goes to somebody else.
            within = last_name(scope.facts.calls[call.where[1]].callee) if call.where[0] == "argument" else ""
            if call.where[0] in ("return", "yield", "element"):
                wrapped.append(found)
            elif within in FRAGMENTS or (call.where[0] in ("attribute", "assign") and _is_piece(analysis, call, scope)):
                wrapped.append(found._replace(fragment=True))
        elif call.callee[0] == "attribute" or last_name(call.callee) in PLAINLY:
            yield found
            passing += _passed_on(statements, found)
    for found in _elsewhere(analysis):
        yield found
        passing += _passed_on(statements, found)
    for _ in range(FURTHEST):
        above: list[tuple[FunctionSymbol, str, tuple[Step, ...]]] = []
        for function, name, below in passing:
            for found in _handed(analysis, function, name, below):
                yield found
                above += _passed_on(statements, found)
        passing = above
    yield from wrapped


def _text_of(call: CallSite) -> Expression | None:
    if call.arguments:
        return call.arguments[0]
    return next((value for key, value in call.keywords if key in BY_NAME), None)


def _is_piece(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> bool:
    """`by = text(sort)`, of SQLAlchemy itself: it goes into some statement, or is one."""
    match analysis.program.evaluate(call.callee, scope):
        case External(dotted=dotted):
            return dotted.startswith(OF_ALCHEMY)
        case FunctionSymbol(module=module):
            return module.library and module.name.startswith(OF_ALCHEMY)
    return False


def _elsewhere(analysis: Analysis) -> Iterator[Statement]:
    """What others execute: `to_thread(cursor.execute, text)`, `sync_to_async(cursor.execute)(text)`, and pieces for `extra`."""
    later = analysis.once(DeferredCalls)
    for name in EXECUTING:
        for each in later.of(name):
            if each.call.arguments and each.call.callee[0] == "attribute" and _is_of_program(each.scope):
                yield Statement(each.scope, each.scope.facts.calls[each.place], each.call.arguments[0], ())
    for scope, _, call in analysis.calls_of("extra"):
        if call.callee[0] == "attribute" and _is_of_program(scope):
            for key, value in call.keywords:
                if key in PIECES and value[0] in ("list", "tuple"):
                    yield from (Statement(scope, call, piece, (), fragment=True) for piece in value[1])
                elif key == "select" and value[0] == "dict":
                    yield from (Statement(scope, call, piece, (), fragment=True) for _, piece in value[1])


def _is_of_program(scope: FunctionSymbol) -> bool:
    return not scope.module.in_tests and scope.facts.sort != TOP and not is_migration(scope.module)


def _passed_on(statements: Statements, each: Statement) -> Iterator[tuple[FunctionSymbol, str, tuple[Step, ...]]]:
    """The parameter that the whole of a statement is, with the function whose it is."""
    match statements.parts(each.text, each.scope):
        case (Piece(value=("name", str(name)), scope=scope), *_) if scope is each.scope and name in scope.parameters:
            step = Step(scope.module.path, each.call.line, f"`{scope.name}` executes what it is given as `{name}`")
            yield scope, name, (step, *each.below)


def _handed(analysis: Analysis, function: FunctionSymbol, name: str, below: tuple[Step, ...]) -> Iterator[Statement]:
    for scope, index in analysis.program.calls_named.get(function.name, ()):
        call = scope.facts.calls[index]
        if scope.module.in_tests or scope.facts.sort == TOP or (not call.arguments and not call.keywords):
            continue
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=called, bound=bound) if called is function:
                for position, text in call.placed:
                    if parameter_given(function, position, bound=bound) == name:
                        yield Statement(scope, call, text, below)


def _values_inside(parts: tuple[Piece, ...], fragment: bool) -> Iterator[tuple[Piece, str, bool]]:
    """What stands in the text where a value stands, with how the text begins, and whether it says how rows are sorted."""
    texts = [each.text for each in parts if each.value is None and each.text.strip()]
    if texts and DEFINING.match(texts[0]):
        return
    if fragment:
        yield from ((each, "", True) for each in parts if each.value is not None)
        return
    whole = "".join("?" if each.value is not None else each.text for each in parts)
    if not texts or not (VERB.match(whole) or (parts[0].value is not None and CLAUSE.search(whole))):
        return
    before = ""
    for each in parts:
        if each.value is None:
            before += each.text
        else:
            end = before[-MOST_BEFORE:]
            named = ORDER.search(end) is not None or NAMED.search(end) is not None
            if VALUE.search(end) or named:
                yield each, " ".join(texts[0].split())[:40], named and not VALUE.search(end)
            before += "?"


class ValueSource(NamedTuple):
    """How a value gets in from outside; `sent`: with a request, or out of what a model says, not just from some caller."""

    steps: tuple[Step, ...]
    sent: bool


def _source(
    analysis: Analysis, values: RequestValues, scope: FunctionSymbol, value: Expression, *, only_sent: bool
) -> ValueSource | None:
    """Where a value comes from; None where that is not seen, or what it can be is known."""
    if (made := _kept_by(values, value, scope)) is not None:
        return _source(analysis, values, *made, only_sent=True)
    root = values.root(value, scope)
    if root is None:
        return None
    if root.request:
        return ValueSource((Step(scope.module.path, scope.facts.line, root.request),), True)
    told = values.told_to_model(scope, root.name, root.field)
    if (told is not None and last_name(told) != "str") or (value[0] != "name" and values.is_harmless_value(value, scope)):
        return None
    sent = values.sent(scope, root.name) or values.chosen_by_model(scope, root.name, root.field)
    if sent is not None:
        return ValueSource(sent, True)
    given = None if only_sent else _given_by_others(analysis, values, scope, root.name)
    return None if given is None else ValueSource(given, False)


def _kept_by(values: RequestValues, value: Expression, scope: FunctionSymbol) -> tuple[FunctionSymbol, Expression] | None:
    """`self.columns`, which an object has of its constructor alone and no method of it looks at, as that was given it."""
    match value:
        case ("attribute", ("name", "self"), str(name)) if scope.owner is not None:
            given = scope.owner.set_on_self.get(name, [])
            methods = [each for named in scope.owner.methods.values() for each in named]
            looked_at = [values.is_compared(each, "self", name) or values.is_compared(each, f"self.{name}") for each in methods]
            if len(given) != 1 or any(looked_at):
                return None
            at, each = given[0]
            kept = at.name == "__init__" and each.how == "=" and each.value[0] == "name" and each.value[1] in at.parameters
            return (at, each.value) if kept else None
    return None


def _given_by_others(analysis: Analysis, values: RequestValues, scope: FunctionSymbol, name: str) -> tuple[Step, ...] | None:
    """A text that the callers of a function choose, and that no literal of the program settles."""
    parameter = scope.facts.parameters[scope.parameters[name]]
    of_text = parameter.annotation is None or last_name(_bare(parameter.annotation)) == "str"
    if not of_text or parameter.default is not None or any(word in name.lower() for word in NAMING):
        return None
    if name in ("self", "cls") or values.is_checked(scope, name) or runs_for_itself(analysis, scope):
        return None
    passed = list(_passed(analysis, scope, name))
    if not passed and (scope.name.startswith("_") or _stands_in_for_another(scope)):
        return None
    note = f"`{name}` is whatever the callers of `{scope.facts.qualified}` pass"
    chosen = not passed or any(_is_chosen(values, caller, each) for caller, each in passed)
    return (Step(scope.module.path, scope.facts.line, note),) if chosen else None


def _stands_in_for_another(scope: FunctionSymbol) -> bool:
    """`Table.__getitem__ = patched`: who calls it is for that class to say."""
    around = scope.parent
    return around is not None and any(
        each.target[0] == "attribute" and each.value == ("name", scope.name) for each in around.facts.assignments
    )


def _passed(analysis: Analysis, scope: FunctionSymbol, name: str) -> Iterator[tuple[FunctionSymbol, Expression]]:
    """What the calls that are known to reach the function pass for a parameter."""
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        call = caller.facts.calls[index]
        match analysis.receivers.value(call.callee, caller):
            case Routine(function=function, bound=bound) if function is scope and not caller.module.in_tests:
                for position, value in call.placed:
                    if parameter_given(function, position, bound=bound) == name:
                        yield caller, value


def _is_chosen(values: RequestValues, caller: FunctionSymbol, value: Expression) -> bool:
    """A caller passes a text that comes to it from somewhere else."""
    root = value
    while root[0] in ("attribute", "subscript"):
        root = root[1]
    taken = root[0] == "name" and root[1] in caller.parameters and root[1] not in ("self", "cls")
    return taken and (value == root or not values.is_harmless_value(value, caller))


def _bare(annotation: Expression) -> Expression:
    """`str` of `str | None` and `Optional[str]`."""
    match annotation:
        case ("operator", "|", inner, ("none",)) | ("subscript", ("name", "Optional"), inner):
            return inner  # type: ignore[no-any-return]
    return annotation
