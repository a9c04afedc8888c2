"""Classes of the program that a mapper keeps rows by, and which of their names are columns and which lead to other rows.

class User(Base):
    id: Mapped[int] = mapped_column(primary_key=True)     # a column
    posts: Mapped[list["Post"]] = relationship()          # a relation, loaded when it is read for the first time
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, CallSite, Expression, last_name
from netra.guard.members.parents import SQL_MODELS, Parents
from netra.guard.members.tables import BESIDE, TABLES
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import TypeOf

SQLALCHEMY: Final = "sqlalchemy"
PEEWEE: Final = "peewee"
OF_PEEWEE: Final = frozenset({"peewee.Model"})

COLUMNS: Final = frozenset({"Column", "mapped_column", "column_property"})
RELATIONS: Final = frozenset({"relationship", "relation", "Relationship"})
# What an annotation says of a column that has no value.
MAPPED: Final = "Mapped"
HOLDING: Final = frozenset({"c", "columns"})

# What says how a relation is loaded, or may.
OTHERWISE_LOADED: Final = frozenset(
    """lazy ** sa_relationship_kwargs sa_relationship viewonly uselist collection_class""".split()
)
SEVERAL: Final = frozenset("list List set Set Sequence Collection".split())


class MappedClasses:
    """Answers about the mapped classes of one program; use `analysis.once(MappedClasses)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._parents = analysis.once(Parents)
        self._mappers: dict[ClassSymbol, str] = {}

    def mapper(self, kind: ClassSymbol) -> str:
        """Whose mapper keeps the rows of a class; empty for one that is not mapped."""
        if kind not in self._mappers:
            self._mappers[kind] = self._find_mapper(kind)
        return self._mappers[kind]

    def _find_mapper(self, kind: ClassSymbol) -> str:
        if kind.module.library:
            return ""
        if self._parents.above(kind, TABLES):
            return SQLALCHEMY
        if self._parents.above(kind, SQL_MODELS):
            order = self._analysis.program.order(kind)[0]
            tables = any(("table", ("constant", "bool", True)) in each.facts.keywords for each in order)
            return SQLALCHEMY if tables else ""
        return PEEWEE if self._parents.above(kind, OF_PEEWEE) else ""

    def is_asynchronous(self, kind: ClassSymbol) -> bool:
        """Its objects have `awaitable_attrs`."""
        return self._parents.above(kind, frozenset(BESIDE))

    def column(self, kind: ClassSymbol, name: str) -> bool:
        """The class, or one above it, has a column of this name, and nothing else."""
        given = self._given(kind, name)
        return bool(given) and all(self._is_column(each, above, kind) for above, each in given)

    def relation(self, kind: ClassSymbol, name: str) -> CallSite | None:
        """The call that makes the relation of this name."""
        match self._given(kind, name):
            case [(above, Assignment(value=("call", int(index))))]:
                call = above.body.facts.calls[index]
                if last_name(call.callee) in RELATIONS:
                    return call
        return None

    def is_several_late(self, kind: ClassSymbol, name: str) -> bool:
        """A relation of this name leads to several rows, and asks for them when it is read for the first time."""
        call = self.relation(kind, name)
        if call is None or not OTHERWISE_LOADED.isdisjoint(key for key, _ in call.keywords):
            return False
        match self._given(kind, name):
            case [(_, Assignment(annotation=annotation))] if annotation is not None:
                held = annotation[2] if annotation[0] == "subscript" and last_name(annotation[1]) == MAPPED else annotation
                return held[0] == "subscript" and last_name(held[1]) in SEVERAL
        # Without an annotation the foreign key tells, and a class that has none leads to those that have one.
        return not self._has_foreign_key(kind)

    def _has_foreign_key(self, kind: ClassSymbol) -> bool:
        order = self._analysis.program.order(kind)[0]
        calls = (call for each in order if not each.module.library for call in each.body.facts.calls)
        return any(last_name(each.callee) == "ForeignKey" or "secondary" in dict(each.keywords) for each in calls)

    def _given(self, kind: ClassSymbol, name: str) -> list[tuple[ClassSymbol, Assignment]]:
        for above in self._analysis.program.order(kind)[0]:
            if above.module.library:
                break
            if name in above.methods:
                return []
            if given := above.body.assigned.get(name):
                return [(above, each) for each in given]
        return []

    def _is_column(self, each: Assignment, above: ClassSymbol, kind: ClassSymbol) -> bool:
        if each.how not in ("=", "annotated", "declared"):
            return False
        mapper = self.mapper(kind)
        if each.value[0] == "call":
            made = above.body.facts.calls[each.value[1]].callee
            called = last_name(made) or ""
            if mapper == PEEWEE:
                return called.endswith("Field")
            if called == "Field":
                return self._parents.above(kind, SQL_MODELS)
            return called in COLUMNS
        annotation = each.annotation
        if annotation is None or mapper == PEEWEE:
            return False
        if self._parents.above(kind, SQL_MODELS):
            return last_name(annotation[1] if annotation[0] == "subscript" else annotation) != "ClassVar"
        return annotation[0] == "subscript" and last_name(annotation[1]) == MAPPED

    # --- in expressions --------------------------------------------------------------------------------------------------

    def read(self, expression: Expression, scope: FunctionSymbol) -> str:
        """Whose mapper's column an expression names, `User.name` or `users.c.name`; empty where it names none."""
        if expression[0] != "attribute":
            return ""
        _, inner, name = expression
        if inner[0] == "attribute" and inner[2] in HOLDING and self._is_table(inner[1], scope):
            return SQLALCHEMY
        match self._analysis.receivers.value(inner, scope):
            case TypeOf(kind=kind) if (mapper := self.mapper(kind)) and self.column(kind, name):
                return mapper
        return ""

    def _is_table(self, expression: Expression, scope: FunctionSymbol) -> bool:
        match self._analysis.program.evaluate(expression, scope):
            case VariableSymbol(scope=holder, name=name):
                match holder.assigned.get(name, ()):
                    case [only] if only.value[0] == "call":
                        made = self._analysis.program.evaluate(holder.facts.calls[only.value[1]].callee, holder)
                        return isinstance(made, External) and made.dotted in ("sqlalchemy.Table", "sqlalchemy.schema.Table")
        return False
