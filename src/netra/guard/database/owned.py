"""Tables whose rows belong to somebody: they have a column for their owner, and the program tells rows apart by it."""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.database.statements import Statements
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step

# Columns that say whose a row is. Who has written something is another question: many may read it.
OWNERS: Final = frozenset(
    "user user_id owner owner_id account account_id tenant tenant_id customer customer_id user_uuid".split()
)
# Columns by which a row is found, whoever it belongs to.
OF_ROWS: Final = frozenset("id pk uuid uid public_id".split())

CHOOSING: Final = frozenset("where filter filter_by get aget get_object_or_404 aget_object_or_404 get_list_or_404".split())
WHOLE: Final = frozenset("select query delete update all exists count get_one".split())
ASKING_IN_SQL: Final = frozenset("execute fetch fetchrow fetchval fetch_one fetch_all fetch_val query_one query".split())

OF_TABLE: Final = re.compile(
    r"\s*(?:select\b.*?\bfrom|delete\s+from|update)\s+[\"`]?(?:\w+\.)?(\w+)[\"`]?\b(.*)", re.IGNORECASE | re.DOTALL
)
OWNER_IN_SQL: Final = re.compile(rf"\b(?:{'|'.join(sorted(OWNERS))})\s*(?:=|in\b|is\b)", re.IGNORECASE)

LONGEST: Final = 12


class Owned(NamedTuple):
    """A table of which rows are told apart by whose they are."""

    table: str
    column: str
    told_apart: Step


class OwnedTables:
    """Answers whether a table is one; use `analysis.once(OwnedTables)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def of_class(self, kind: ClassSymbol) -> Owned | None:
        """What the rows of a model are told apart by."""
        return self._classes.get(kind)

    @property
    def classes(self) -> frozenset[ClassSymbol]:
        """The classes of which objects are told apart by whose they are."""
        return frozenset(self._classes)

    def of_table(self, table: str) -> Owned | None:
        """The same of a table that is named in SQL."""
        return self._tables.get(table.lower())

    def askers(self, owned: Owned) -> frozenset[FunctionSymbol]:
        """The functions that ask for rows of a table, tests left out."""
        return frozenset(self._askers.get(owned.table, ()))

    @lazily
    def _askers(self) -> dict[str, list[FunctionSymbol]]:
        found: dict[str, list[FunctionSymbol]] = {}
        for scope, _, call in self._analysis.calls_of(*CHOOSING, *WHOLE):
            if not scope.module.in_tests:
                first = self.model(call.arguments[0], scope) if call.arguments else None
                if (kind := first or self.asked_of(call, scope)) is not None:
                    found.setdefault(kind.name, []).append(scope)
        for scope, _, table, _ in self.statements:
            if not scope.module.in_tests:
                found.setdefault(table, []).append(scope)
        return found

    def model(self, expression: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class that a name stands for, where it has a column for its owner."""
        if expression[0] not in ("name", "attribute"):
            return None
        match self._analysis.program.evaluate(expression, scope):
            case ClassSymbol() as kind if not kind.module.library and self.columns(kind):
                return kind
        return None

    def columns(self, kind: ClassSymbol) -> frozenset[str]:
        """The columns that say whose a row of a class is."""
        return OWNERS.intersection(name for each in self._analysis.program.order(kind)[0] for name in each.body.assigned)

    def asked_of(self, call: CallSite, scope: FunctionSymbol) -> ClassSymbol | None:
        """The model that a query is about: `select(Note).where(…)`, `session.query(Note).filter(…)`, `Note.objects.get(…)`."""
        return asked_of(call, scope, self.model)

    @lazily
    def _classes(self) -> dict[ClassSymbol, Owned]:
        found: dict[ClassSymbol, Owned] = {}
        for scope, _, call in self._analysis.calls_of(*CHOOSING):
            if scope.module.in_tests:
                continue
            for kind, column in self._told_apart(call, scope):
                note = f"elsewhere rows of `{kind.name}` are told apart by `{column}`"
                found.setdefault(kind, Owned(kind.name, column, Step(scope.module.path, call.line, note)))
        for scope in self._analysis.scopes:
            for read in () if scope.module.in_tests else scope.facts.reads:
                if read.where[0] == "compare" and read.expression[0] == "attribute" and read.expression[2] in OWNERS:
                    match self._analysis.receivers.value(read.expression[1], scope):
                        case Instance(kind=kind) if read.expression[2] in self.columns(kind) and not kind.module.library:
                            note = f"elsewhere the program asks whose a `{kind.name}` is"
                            step = Step(scope.module.path, read.line, note)
                            found.setdefault(kind, Owned(kind.name, read.expression[2], step))
        return found

    def _told_apart(self, call: CallSite, scope: FunctionSymbol) -> Iterator[tuple[ClassSymbol, str]]:
        for name, _ in call.keywords:
            column = name.partition("__")[0]
            if column in OWNERS:
                kind = self.model(call.arguments[0], scope) if call.arguments else self.asked_of(call, scope)
                if kind is not None and column in self.columns(kind):
                    yield kind, column
        for argument in call.arguments:
            for part in within(argument, scope):
                if part[0] == "compare":
                    for side in part[1]:
                        if side[0] == "attribute" and side[2] in OWNERS and (kind := self.model(side[1], scope)) is not None:
                            yield kind, side[2]

    @lazily
    def _tables(self) -> dict[str, Owned]:
        found: dict[str, Owned] = {}
        for scope, call, table, condition in self.statements:
            if not scope.module.in_tests and (match := OWNER_IN_SQL.search(condition)) is not None:
                column = re.match(r"\w+", match[0])
                note = f"elsewhere rows of `{table}` are told apart by `{column[0] if column else ''}`"
                found.setdefault(table, Owned(table, column[0] if column else "", Step(scope.module.path, call.line, note)))
        return found

    @lazily
    def statements(self) -> list[tuple[FunctionSymbol, CallSite, str, str]]:
        """The statements in SQL that ask for rows of one table: scope, call, table, and what is said behind it."""
        statements = self._analysis.once(Statements)
        found = []
        for scope, _, call in self._analysis.calls_of(*ASKING_IN_SQL):
            said = next((each for each in call.arguments[:1]), None)
            if said is not None and said[0] == "call" and last_name(scope.facts.calls[said[1]].callee) == "text":
                said = next(iter(scope.facts.calls[said[1]].arguments), None)
            text = "" if said is None else statements.written(said, scope)
            if text and (match := OF_TABLE.match(text)) is not None:
                found.append((scope, call, match[1].lower(), match[2]))
        return found


def asked_of(
    call: CallSite, scope: FunctionSymbol, model: Callable[[Expression, FunctionSymbol], ClassSymbol | None]
) -> ClassSymbol | None:
    """The model that a query is about, of those that `model` knows."""
    at: Expression = call.callee
    for _ in range(LONGEST):
        if at[0] == "attribute" and at[2] in ("objects", "query") and (kind := model(at[1], scope)) is not None:
            return kind
        if at[0] in ("attribute", "await"):
            at = at[1]
        elif at[0] == "call":
            inner = scope.facts.calls[at[1]]
            if inner.arguments and (kind := model(inner.arguments[0], scope)) is not None:
                return kind
            at = inner.callee
        elif at[0] == "name" and len(given := scope.assigned.get(at[1]) or []) == 1:
            at = given[0].value
        else:
            return None
    return None
