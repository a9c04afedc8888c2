"""`$ref`, `allOf`, `anyOf` and `oneOf` resolved: a schema as sets of plain schemas, of which one set has to hold wholly.

Plain is a schema of which only its own keywords count. `$ref` and `allOf` add to a set, `anyOf` and `oneOf` make more sets of
it; that no second branch of a `oneOf` holds is told by judging the value.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from netra.tools.synthesis.dialect import Located, Part, SchemaRefused, check_form, check_keywords, pointer, steps_of

MOST_WAYS: Final = 200
"""To make a value at one place; `anyOf` beside `anyOf` multiply."""


class Alternatives:
    """What the schemas of one document come to."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def of(self, place: str, schemas: Iterable[Located]) -> list[list[Part]]:
        """The sets of which one has to hold, for all of these schemas to hold. None for `false`. Raises `SchemaRefused`."""
        return _product([self._of_one(name, schema, frozenset()) for name, schema in schemas], place)

    def _of_one(self, name: str, schema: Any, trail: frozenset[str]) -> list[list[Part]]:
        if isinstance(schema, bool):
            return [[]] if schema else []
        check_keywords(name, schema)
        found: list[list[list[Part]]] = [[[(name, schema)]]]
        if (reference := schema.get("$ref")) is not None:
            target, referred = self._follow(name, reference)
            if target in trail:
                raise SchemaRefused(name, f"$ref leads back to {target} without going into the value.")
            found.append(self._of_one(target, referred, trail | {target}))
        found += [self._of_one(pointer(name, "allOf", nth), part, trail) for nth, part in enumerate(schema.get("allOf", ()))]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                branches = enumerate(schema[keyword])
                each = [self._of_one(pointer(name, keyword, nth), branch, trail) for nth, branch in branches]
                found.append(list(itertools.chain(*each)))
        return _product(found, name)

    def _follow(self, name: str, reference: str) -> Located:
        """The place of this document that a `$ref` leads to, and the schema there."""
        target = unquote(reference)
        if target != "#" and not target.startswith("#/"):
            raise SchemaRefused(name, "$ref leads out of the schema; only #/… is followed.")
        found: Any = self._document
        steps = steps_of(target)
        for step in steps:
            if isinstance(found, Mapping) and step in found:
                found = found[step]
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                raise SchemaRefused(name, f"$ref leads to {target[:200]}, which is not there.")
        check_form(found, target)
        return pointer("#", *steps), found


def _product(found: Sequence[list[list[Part]]], place: str) -> list[list[Part]]:
    """A set for each way to take one of each."""
    if math.prod(map(len, found)) > MOST_WAYS:
        raise SchemaRefused(place, f"anyOf and oneOf combine to more than {MOST_WAYS} ways to satisfy it.")
    return [list(itertools.chain(*chosen)) for chosen in itertools.product(*found)]
