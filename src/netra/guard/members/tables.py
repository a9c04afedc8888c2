"""Classes that SQLAlchemy maps to tables: by which bases they are known, and what others give them.

A mapped class has what its body says, what its base gives, and the far side of every `relationship(…, backref="name")`.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol

OF_TABLES: Final = frozenset(
    """metadata registry type_annotation_map __table__ __tablename__ __mapper__ __mapper_args__ __table_args__ __abstract__
    _sa_registry _sa_instance_state _sa_class_manager __allow_unmapped__""".split()
)
DECLARED: Final = "sqlalchemy.orm.declarative_base()"
OF_FLASK: Final = "flask_sqlalchemy.SQLAlchemy().Model"
MAPPED: Final[dict[str, frozenset[str]]] = {
    "sqlalchemy.orm.DeclarativeBase": OF_TABLES,
    "sqlalchemy.orm.DeclarativeBaseNoMeta": OF_TABLES,
    "sqlalchemy.orm.decl_api.DeclarativeBase": OF_TABLES,
    DECLARED: OF_TABLES,
    OF_FLASK: OF_TABLES | {"query", "query_class", "__bind_key__"},
}
BESIDE: Final[dict[str, frozenset[str]]] = {
    "sqlalchemy.ext.asyncio.AsyncAttrs": frozenset({"awaitable_attrs", "AwaitableAttrs"}),
}
TABLES: Final = frozenset(MAPPED)

# What a call may say that makes the base another one.
OTHERWISE: Final = frozenset({"cls", "constructor", "metaclass", "class_registry", "model_class", "**"})


def declarative_parent(base: Expression, around: FunctionSymbol, program: Program) -> str:
    """`Base` of `Base = declarative_base()` and `db.Model` of `db = SQLAlchemy()`, by a name of ours; empty for another."""
    holder, making, name = base, "declarative_base", DECLARED
    if base[0] == "attribute" and base[2] == "Model":
        holder, making, name = base[1], "SQLAlchemy", OF_FLASK
    match program.evaluate(holder, around):
        case VariableSymbol(scope=scope, name=variable):
            match scope.assigned.get(variable, ()):
                case [only] if only.value[0] == "call":
                    call: CallSite = scope.facts.calls[only.value[1]]
                    if last_name(call.callee) == making and OTHERWISE.isdisjoint(key for key, _ in call.keywords):
                        return name
    return ""


def backrefs(analysis: Analysis) -> frozenset[str] | None:
    """Every name that a relationship gives to the class it leads to; None when one of them is not written down."""
    found: set[str] = set()
    for scope, _, call in analysis.calls_of("relationship", "relation", "backref"):
        for given in _names(call):
            match given:
                case ("string", str(name)):
                    found.add(name)
                case ("call", int(index)) if last_name(scope.facts.calls[index].callee) == "backref":
                    pass  # it is among the calls itself
                case ("none",):
                    pass
                case _:
                    return None
    return frozenset(found)


def _names(call: CallSite) -> Iterator[Expression]:
    if last_name(call.callee) == "backref":
        yield from call.arguments[:1]
    yield from (value for key, value in call.keywords if key == "backref")
