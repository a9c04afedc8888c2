"""Tables whose rows hang on rows that belong to somebody: they have no owner of their own, and a key to what has one."""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.owned import OwnedTables, asked_of
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within
from netra.guard.symbols import ClassSymbol, FunctionSymbol

KEYS: Final = frozenset({"ForeignKey", "ForeignKeyField"})
CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class HangingTables:
    """Answers on which row of somebody a row hangs; use `analysis.once(HangingTables)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._owned = analysis.once(OwnedTables)

    @property
    def there_are(self) -> bool:
        return bool(self._keys)

    def above(self, kind: ClassSymbol, column: str) -> ClassSymbol | None:
        """The class of the row that a column of another is the key of."""
        return self._keys.get(kind, {}).get(column)

    def model(self, expression: Expression, scope: FunctionSymbol) -> ClassSymbol | None:
        """The class that a name stands for, where its rows hang on others."""
        if expression[0] not in ("name", "attribute"):
            return None
        match self._analysis.program.evaluate(expression, scope):
            case ClassSymbol() as kind if kind in self._keys:
                return kind
        return None

    def asked_of(self, call: CallSite, scope: FunctionSymbol) -> ClassSymbol | None:
        """The model that a query is about, where it is one of these."""
        return asked_of(call, scope, self.model)

    @lazily
    def _keys(self) -> dict[ClassSymbol, dict[str, ClassSymbol]]:
        found: dict[ClassSymbol, dict[str, ClassSymbol]] = {}
        named = {name: kind for kind in self._owned.classes for name in (_table(kind), _snake(kind.name)) if name}
        for module in self._analysis.modules if named else ():
            for kind in module.classes if not module.in_tests else ():
                # A row that has an owner itself is asked for that.
                keys = {} if self._owned.columns(kind) else self._keys_of(kind, named)
                if keys and kind not in self._owned.classes:
                    found[kind] = keys
        return found

    @staticmethod
    def _keys_of(kind: ClassSymbol, named: dict[str, ClassSymbol]) -> dict[str, ClassSymbol]:
        keys: dict[str, ClassSymbol] = {}
        for name, given in kind.body.assigned.items():
            for part in (part for each in given for part in within(each.value, kind.body)):
                if part[0] != "call":
                    continue
                call = kind.body.facts.calls[part[1]]
                if last_name(call.callee) in KEYS and call.arguments and call.arguments[0][0] == "string":
                    above = named.get(call.arguments[0][1].rpartition(".")[0] or _snake(call.arguments[0][1]))
                    if above is not None and above is not kind:
                        keys[name] = above
                elif last_name(call.callee) in KEYS and call.arguments and call.arguments[0][0] == "name":
                    above = named.get(_snake(call.arguments[0][1]))
                    if above is not None and above is not kind:
                        keys.update({name: above, f"{name}_id": above})
            if name.endswith("_id") and name not in keys and (above := named.get(name[:-3])) is not None and above is not kind:
                keys[name] = above
        return keys


def _table(kind: ClassSymbol) -> str:
    """What its table is called, where the class says so."""
    given = kind.body.assigned.get("__tablename__") or []
    return str(given[0].value[1]) if len(given) == 1 and given[0].value[0] == "string" else ""


def _snake(name: str) -> str:
    return CAPITAL.sub("_", name).lower()
