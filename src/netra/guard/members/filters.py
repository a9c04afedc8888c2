"""Keywords by which queries of mappers name columns, and those that the mapped class has:

select(User).filter_by(email=…), update(User).values(state=…)     # SQLAlchemy
Book.objects.filter(title__icontains=…), ….update(title=…)         # Django
"""

from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression
from netra.guard.members.making import Making
from netra.guard.members.mappers import DJANGO
from netra.guard.members.members import MemberNames
from netra.guard.members.parameters import Signature
from netra.guard.members.parents import Parents
from netra.guard.members.queries import ROW_HOLDERS
from netra.guard.members.tables import TABLES
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

OF_DJANGO: Final = frozenset("filter exclude get aget update aupdate".split())
NAMES: Final = OF_DJANGO | {"filter_by", "values"}
CHANGING: Final = frozenset({"update", "insert"})
# What makes a later `filter_by` speak of another class.
JOINING: Final = frozenset("join outerjoin join_from select_from with_only_columns add_columns".split())


def columns_named(analysis: Analysis, call: CallSite, scope: FunctionSymbol) -> tuple[Signature, CallSite] | None:
    """What a query may be given by name, and the call with the bare names of columns; None where that is not known."""
    if call.callee[0] != "attribute" or not call.keywords or any(name == "**" for name, _ in call.keywords):
        return None
    root, joined = _root(call.callee[1], scope)
    if call.callee[2] in OF_DJANGO:
        if root[0] != "attribute" or root[2] not in ROW_HOLDERS:
            return None
        begun = analysis.once(Making).queries.begins(call.callee[1], scope)
        kind = begun[0] if begun is not None and begun[1] == DJANGO else None
        raised = "FieldError"
        call = replace(call, keywords=tuple((name.partition("__")[0], value) for name, value in call.keywords))
    else:
        kind = None if joined else _mapped(analysis, root, call.callee[2], scope)
        raised = "InvalidRequestError"
    held = None if kind is None else analysis.once(MemberNames).of(kind)
    if kind is None or held is None:
        return None
    if call.callee[2] == "values":
        held |= _named_in_the_database(kind, analysis)
    taken = Signature((), held, (), more_positional=True, path=kind.module.path, line=kind.facts.line, raised=(raised,))
    return taken, call


def _named_in_the_database(kind: ClassSymbol, analysis: Analysis) -> frozenset[str]:
    """`JobID` of `job_id = mapped_column("JobID")`: what is put into a table may go by the names of its columns."""
    found: set[str] = set()
    for each in analysis.program.order(kind)[0]:
        for call in each.body.facts.calls:
            given = [*call.arguments[:1], *(value for name, value in call.keywords if name in ("name", "key"))]
            found.update(value[1] for value in given if value[0] == "string")
    return frozenset(found)


def _root(query: Expression, scope: FunctionSymbol) -> tuple[Expression, bool]:
    """What a chain of calls begins with, and whether another class comes into it on the way."""
    joined = False
    while query[0] == "call":
        callee = scope.facts.calls[query[1]].callee
        if callee[0] != "attribute" or callee[2] in ("query", *CHANGING):
            break
        joined = joined or callee[2] in JOINING
        query = callee[1]
    return query, joined


def _mapped(analysis: Analysis, root: Expression, name: str, scope: FunctionSymbol) -> ClassSymbol | None:
    """The one mapped class that a statement selects or changes."""
    given: Expression | None = None
    if root[0] == "call":
        making = scope.facts.calls[root[1]]
        last = making.callee[-1]
        if len(making.arguments) == 1 and not making.keywords:
            match analysis.program.evaluate(making.callee, scope):
                case External(dotted=dotted) if dotted.startswith(("sqlalchemy.", "sqlmodel.")):
                    wanted = CHANGING if name == "values" else {"select", "update", "delete"}
                    given = making.arguments[0] if last in wanted else None
                case None if last == "query" and name == "filter_by":
                    given = making.arguments[0]
    elif root[0] == "attribute" and root[2] == "query" and name == "filter_by":
        given = root[1]
    symbol = None if given is None else analysis.program.evaluate(given, scope)
    if isinstance(symbol, ClassSymbol) and analysis.once(Parents).above(symbol, TABLES):
        return symbol
    return None
