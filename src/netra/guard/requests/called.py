"""By which words a program calls who is signed in: a rider, an employee, the writer of a diary.

They stand where routes tell who is asking to something else: a parameter that gets it, a column that is compared with it.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.passing import pairs
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

# What a parameter is called that may be given anything.
ANYTHING: Final = frozenset(
    """id pk key name value data item row result found me who whom it obj object token text body payload request req session
    other target arg args kwargs kw self cls default id_ number ref subject sub uuid extra field params param values msg message
    content entity instance model record entry principal identity claims hash query filter scope state context ctx channel room
    topic group prefix path url namespace label title description email phone note title code assignee recipient receiver
    reviewer invitee target helper friend followee participant approver manager supervisor mentor contact peer""".split()
)


# By these a thing tells whose it is.
OWNED_BY: Final = frozenset("user user_id owner owner_id created_by created_by_id".split())


class Called:
    """Answers whether a name is one of these words; use `analysis.once(Called)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._identities = analysis.once(SignedIn)

    def is_one(self, name: str) -> bool:
        """`rider_id`, `X-Rider` and `rider` are all the rider."""
        return _bare(name) in self.words

    @lazily
    def words(self) -> frozenset[str]:
        """The words, without what stands before and behind them."""
        found: set[str] = set()
        for scope, entry in self._analysis.reach.entries.items():
            if entry.serves and not scope.module.in_tests:
                found.update(self._told(scope))
        return frozenset(_bare(each) for each in found) - ANYTHING

    def _told(self, scope: FunctionSymbol) -> Iterator[str]:
        for call in scope.facts.calls:
            if call.arguments or call.keywords:
                yield from self._told_by(call, scope)

    def _told_by(self, call: CallSite, scope: FunctionSymbol) -> Iterator[str]:
        passed = call.given
        known = [each for each in passed if each[0] in TELLING and self._identities.of(each, scope) is not None]
        known = [each for each in known if not _has_owner(each, scope)]
        yield from (name for name, value in call.keywords if value in known)
        if known:
            match self._analysis.receivers.value(call.callee, scope):
                case Routine(function=function, bound=bound) if not function.module.library:
                    given = pairs(call, function, 1 if bound and function.owner is not None else 0)
                    yield from (name for name, value in given if value in known)
        for each in passed:
            if each[0] in SAYING:
                yield from (name for name, value in named_within(each) if self._identities.of(value, scope) is not None)


# What may be somebody as it stands.
TELLING: Final = frozenset("name attribute subscript call await".split())
# What may say of a column what it holds.
SAYING: Final = frozenset({"compare", "dict"})


def named_within(given: Expression) -> Iterator[tuple[str, Expression]]:
    """What a comparison or a dictionary says of a column: `Loan.reader_id == reader`, `{"owner": owner}`."""
    match given:
        case ("compare", (("attribute", _, str(name)), value), ("Eq",)):
            yield name, value
        case ("dict", pairs):
            yield from ((key[1], value) for key, value in pairs if key[0] == "string")


def _has_owner(known: Expression, scope: FunctionSymbol) -> bool:
    """`agent`, of which the function asks `agent.get("user_id")`: a key may open what somebody has, and that is nobody."""
    whole = known[1] if known[0] == "attribute" and known[2] == "id" else known
    if whole[0] != "name":
        return False
    facts = scope.facts
    if any(each.expression[:2] == ("attribute", whole) and each.expression[2] in OWNED_BY for each in facts.reads):
        return True
    asked = [part for call in facts.calls for each in call.given for part in within(each, scope)]
    values = [each.value for each in facts.assignments] + [each.value for each in facts.returned]
    asked += [part for each in values for part in within(each, scope)]
    return any(
        each[0] == "subscript" and each[1] == whole and each[2][0] == "string" and each[2][1] in OWNED_BY for each in asked
    ) or any(
        call.callee == ("attribute", whole, "get") and call.arguments[:1] and call.arguments[0][0] == "string"
        and call.arguments[0][1] in OWNED_BY
        for call in facts.calls
    )  # fmt: skip


def _bare(name: str) -> str:
    plain = name.lower().replace("-", "_").strip("_").removeprefix("x_")
    for before in ("current_", "acting_", "from_", "for_", "as_"):
        plain = plain.removeprefix(before)
    for behind in ("_id", "_uuid", "_uid", "_pk"):
        plain = plain.removesuffix(behind)
    return plain
