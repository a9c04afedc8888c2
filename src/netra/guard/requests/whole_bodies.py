"""Bodies that are taken whole, with a field in them that says whose they are, which nobody has put right."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.identities import SignedIn, parts
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Step

# What makes a dictionary of all that a body says.
UNPACKING: Final = frozenset("model_dump dict asdict dump to_dict __dict__ vars".split())

WHOSE: Final = re.compile(r"user|owner|author|actor|sender|payer|creat|account|customer|member|tenant|person|uid|_by$")


class TakenWhole(NamedTuple):
    """A route takes a body whole, with a field of it."""

    call: CallSite
    field: str
    why: Step


class WholeBodies:
    """Answers which routes take who is signed in out of a body that others put right; use `analysis.once(WholeBodies)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._identities = analysis.once(SignedIn)
        self._righted: dict[tuple[ClassSymbol, str], Step] = {}
        for scope, entry in analysis.reach.entries.items():
            for kind in self._bodies(scope).values() if not scope.module.in_tests else ():
                for field, line in self._put_right(scope):
                    note = f"{entry.label} puts who is signed in into `{field}`"
                    self._righted.setdefault((kind, field), Step(scope.module.path, line, note))

    def taken(self, scope: FunctionSymbol) -> Iterator[TakenWhole]:
        """The calls that are given a whole body, of which another route puts a field right and this one does not."""
        spreads = any(name == "**" for call in scope.facts.calls for name, _ in call.keywords)
        bodies = self._bodies(scope) if spreads and self._righted else {}
        own = {field for field, _ in self._put_right(scope)} if bodies else set()
        for name, kind in bodies.items():
            fields = [field for (righted, field) in self._righted if righted is kind and field not in own]
            for call in scope.facts.calls if fields else ():
                spread = [value for keyword, value in call.keywords if keyword == "**"]
                named = {keyword for keyword, _ in call.keywords}
                left = [field for field in fields if field not in named]
                if left and any(self._is_whole(each, name, scope) for each in spread):
                    yield TakenWhole(call, left[0], self._righted[kind, left[0]])

    def _bodies(self, scope: FunctionSymbol) -> dict[str, ClassSymbol]:
        """The parameters that are objects of classes of the program, which the framework makes of what is sent."""
        found: dict[str, ClassSymbol] = {}
        around = scope.parent
        for each in scope.facts.parameters if around is not None else ():
            if around is None or each.annotation is None or each.name == "self":
                continue
            if self._analysis.receivers.parameters.dependency(each, around) is None:
                match self._analysis.receivers.annotated(each.annotation, around):
                    case Instance(kind=kind) if not kind.module.library and any(map(WHOSE.search, kind.body.assigned)):
                        found[each.name] = kind
        return found

    def _put_right(self, scope: FunctionSymbol) -> Iterator[tuple[str, int]]:
        """`data.model_dump() | {"author_id": user.id}`, `Note(**fields, author_id=user.id)`, `body.author_id = user.id`."""
        for each in scope.facts.assignments:
            match each.target:
                case ("attribute", _, str(field)) | ("subscript", _, ("string", str(field))):
                    if WHOSE.search(field) and self._identities.of(each.value, scope) is not None:
                        yield field, each.line
        for call in scope.facts.calls:
            for name, value in call.keywords:
                if WHOSE.search(name) and self._identities.of(value, scope) is not None:
                    yield name, call.line
        values = [(each.value, each.line) for each in scope.facts.assignments]
        values += [(each.value, each.line) for each in scope.facts.returned]
        values += [(given, call.line) for call in scope.facts.calls for given in call.given]
        for expression, line in values:
            for part in within(expression, scope):
                for key, value in part[1] if part[0] == "dict" else ():
                    if key[0] == "string" and WHOSE.search(key[1]) and self._identities.of(value, scope) is not None:
                        yield key[1], line

    @staticmethod
    def _is_whole(value: Expression, name: str, scope: FunctionSymbol) -> bool:
        """`data.model_dump()`, `asdict(data)`, also by way of a local name, with nothing left out or put in."""
        found = parts(value, scope)
        if any(each[0] in ("dict", "comprehension", "operator") for each in found) or ("name", name) not in found:
            return False
        calls = [scope.facts.calls[each[1]] for each in found if each[0] == "call"]
        return any(
            last_name(each.callee) in UNPACKING and not {"exclude", "include"} & {*dict(each.keywords)} for each in calls
        )
