"""Classes beside models of pydantic of which frameworks make an object out of a body, and out of which clients make one.

Dataclasses, `msgspec.Struct`, classes of attrs, `NamedTuple` and `TypedDict`: what they take are their fields.
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import Expression, last_name
from netra.guard.meaning.models import FORBID, IGNORE, ModelField, decorated_as, fields
from netra.guard.members.signatures import Signatures
from netra.guard.requests.taking import TakenBody
from netra.guard.symbols import ClassSymbol, External

TYPED: Final = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})
NAMED: Final = frozenset({"typing.NamedTuple", "typing_extensions.NamedTuple"})
STRUCTS: Final = frozenset({"msgspec.Struct"})
# What gives fields of a `Struct` other names.
RENAMING: Final = frozenset({"rename", "array_like", "tag", "tag_field", "**"})


class Records:
    """Answers about such classes; use `analysis.once(Records)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._signatures = analysis.once(Signatures)

    def is_record(self, kind: ClassSymbol) -> bool:
        if kind.module.library:
            return False
        order, _ = self._program.order(kind)
        return any(decorated_as(each, self._program)[0] or self._bases(each) & (TYPED | NAMED | STRUCTS) for each in order)

    def fields(self, kind: ClassSymbol) -> tuple[str, ...] | None:
        """The names of its fields; None where they are not known, or have other names outside."""
        found = self._described(kind)
        return None if found is None else tuple(sorted(found))

    def taken(self, kind: ClassSymbol) -> TakenBody | None:
        """What a body needs and may have of which an object of the class is made."""
        found = self._described(kind)
        if found is None:
            return None
        needed = tuple(name for name, each in found.items() if each.required)
        forbids = any(
            key == "forbid_unknown_fields" and value == ("constant", "bool", True)
            for each in self._program.order(kind)[0]
            for key, value in each.facts.keywords
        )
        return TakenBody(frozenset(found), needed, FORBID if forbids else IGNORE, kind, validated=False)

    def _described(self, kind: ClassSymbol) -> dict[str, ModelField] | None:
        if not self.is_record(kind):
            return None
        found: dict[str, ModelField] = {}
        for each in reversed(self._program.order(kind)[0]):
            made = decorated_as(each, self._program)[0]
            of_fields = bool(made) or bool(self._bases(each)) or bool(each.facts.bases)
            own = fields(each) if of_fields else None
            if own is None or any(one.aliases for one in own) or any(key in RENAMING for key, _ in each.facts.keywords):
                return None
            if {"__init__", "__post_init__", "__new__"} & each.methods.keys() or (each.facts.decorators and not made):
                return None
            optional = ("total", ("constant", "bool", False)) in each.facts.keywords
            for one in own:
                required = one.required and not optional and not _is_optional(each, one.name)
                found[one.name] = one._replace(required=required)
        return found

    def _bases(self, kind: ClassSymbol) -> set[str]:
        around = kind.module.function(kind.facts.scope)
        symbols = [self._program.evaluate(base, around) for base in kind.facts.bases]
        return {each.dotted for each in symbols if isinstance(each, External)} | {
            each.full_name for each in symbols if isinstance(each, ClassSymbol) and each.module.library
        }


def _is_optional(kind: ClassSymbol, name: str) -> bool:
    """`NotRequired[str]` of a `TypedDict`."""
    annotation: Expression | None = kind.body.assigned[name][-1].annotation
    return annotation is not None and annotation[0] == "subscript" and last_name(annotation[1]) == "NotRequired"
