"""The recipe of a row: a schema made into places that lead to one another, and rows made of them and judged."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from netra.tools.dice import Dice
from netra.tools.pattern import PatternRefused
from netra.tools.synthesis.alternatives import Alternatives
from netra.tools.synthesis.containers import Members, read_items, read_members
from netra.tools.synthesis.dialect import Located, Part, SchemaRefused, checked, kinds, pointer
from netra.tools.synthesis.distributions import ranks, read_distribution
from netra.tools.synthesis.judge import Patterns, judge_of
from netra.tools.synthesis.numbers import read_number
from netra.tools.synthesis.place import Draw, OneOf, Place, Stopped, Way
from netra.tools.synthesis.texts import read_text

MOST_PLACES: Final = 2000
ROW_TRIES: Final = 10


class Recipe:
    """A schema, read and found good. Making rows of it changes nothing in it."""

    def __init__(self, schema: Any, stop: threading.Event) -> None:
        """Raises `SchemaRefused`, or `Stopped`."""
        self._stop = stop
        document = checked(schema)
        self._alternatives = Alternatives(document)
        self._patterns = Patterns()
        self._judge = judge_of(document, self._patterns)
        self._places: dict[tuple[str, ...], Place] = {}
        """By the places of the schemas that hold there together."""
        self._waiting: list[tuple[Place, Sequence[Located]]] = []
        """Places that have no ways yet."""
        try:
            self._root = self._together([("#", document)])
            while self._waiting:
                self._fill(*self._waiting.pop())
        except RecursionError:
            raise SchemaRefused("#", "it is nested too deeply.") from None
        self._measure()
        self.columns = _columns(self._root.ways)

    def rows(self, count: int, seed: int) -> Iterator[dict[str, Any]]:
        """Make rows, each judged. Raises `SchemaRefused` for a place that could not be filled, or `Stopped`."""
        draw = Draw(Dice(seed), self._stop)
        for _ in range(count):
            yield self._row(draw)

    def _row(self, draw: Draw) -> dict[str, Any]:
        error: ValidationError | None = None
        for _ in range(ROW_TRIES):
            draw.values = 0
            row = self._root.make(draw, 0)
            error = next(self._judge.iter_errors(row), None)
            if error is None:
                return dict(row)
        assert error is not None, "a row that is not returned was judged"
        place = pointer("#", *error.absolute_schema_path)
        raise SchemaRefused(place, f"nothing was found that satisfies it: {error.message[:200]}")

    # -- From schemas to places ---------------------------------------------------------------------------------------------

    def _together(self, schemas: Iterable[Located]) -> Place:
        """The place at which all of these schemas hold; made at most once, for what contains itself comes back to it."""
        unique = dict(schemas)
        names = tuple(unique)
        if (known := self._places.get(names)) is not None:
            return known
        if self._stop.is_set():
            raise Stopped
        if len(self._places) >= MOST_PLACES:
            raise SchemaRefused(names[0], f"the schema has more than {MOST_PLACES:,} places.")
        place = Place(names[0] if names else "#", tuple(self._judge.evolve(schema=schema) for schema in unique.values()))
        self._places[names] = place
        self._waiting.append((place, list(unique.items())))
        return place

    def _fill(self, place: Place, schemas: Sequence[Located]) -> None:
        """Find the ways to make a value at a place."""
        refusals: list[SchemaRefused] = []
        for parts in self._alternatives.of(place.name, schemas):
            place.delicate |= any("oneOf" in part for _, part in parts)
            try:
                place.ways += self._ways(place, parts)
            except SchemaRefused as refused:
                refusals.append(refused)
        if not place.ways and refusals:
            raise refusals[0]
        # `false` alone leaves no way and no refusal: nothing stands here, which is well where nothing has to.

    def _ways(self, place: Place, parts: Sequence[Part]) -> list[Way]:
        """The ways to make a value that satisfies all of these plain schemas. Raises `SchemaRefused` when there is none."""
        spread = read_distribution(parts)
        if (listed := self._listed(parts)) is not None:
            return [OneOf(listed, ranks(spread, len(listed)))]
        readers: Mapping[str, Callable[[], Way]] = {
            "null": lambda: OneOf([None]),
            "boolean": lambda: OneOf([False, True]),
            "integer": lambda: read_number(place, parts, spread, whole=True),
            "number": lambda: read_number(place, parts, spread, whole=False),
            "string": lambda: read_text(place, parts, self._patterns),
            "array": lambda: read_items(place, parts, self._together),
            "object": lambda: read_members(place, parts, self._together),
        }
        ways: list[Way] = []
        refusals: list[SchemaRefused] = []
        for kind in kinds(parts):
            try:
                ways.append(readers[kind]())
            except SchemaRefused as refused:
                refusals.append(refused)
        if not ways:
            raise refusals[0]
        return ways

    def _listed(self, parts: Sequence[Part]) -> Sequence[Any] | None:
        """What `enum` and `const` leave of the values that they list; None where neither says anything."""
        listed = [(name, part["enum"]) for name, part in parts if "enum" in part]
        listed += [(name, [part["const"]]) for name, part in parts if "const" in part]
        if not listed:
            return None
        name, values = listed[0]
        judges = [self._judge.evolve(schema=part) for _, part in parts]
        try:
            fitting = [value for value in values if all(judge.is_valid(value) for judge in judges)]
        except PatternRefused as refused:
            raise SchemaRefused(name, str(refused)) from None
        if not fitting:
            raise SchemaRefused(name, "none of its values satisfies the rest of the schema.")
        return fitting

    def _measure(self) -> None:
        """How deep each place is at least; refuse what can never end, and leave out what nobody needs and cannot be."""
        places = list(self._places.values())
        changed = True
        while changed:
            changed = False
            for place in places:
                height = min((way.height() for way in place.ways), default=math.inf)
                if height < place.height:
                    place.height, changed = height, True
        if self._root.height == math.inf:
            never = next((place for place in places if place.height == math.inf and place.ways), self._root)
            why = "it requires itself, without end." if never.ways else "nothing satisfies it."
            raise SchemaRefused(never.name, why)
        for place in places:
            place.ways = [way.possible() for way in place.ways if way.height() < math.inf]


def _columns(ways: Iterable[Way]) -> tuple[str, ...]:
    """The members that a row may have. Raises `SchemaRefused` where a row may be something else than an object."""
    columns: dict[str, None] = {}
    for way in ways:
        match way:
            case Members(places=places):
                columns |= dict.fromkeys(places)
            case OneOf(values=values) if all(isinstance(value, dict) for value in values):
                columns |= dict.fromkeys(name for value in values for name in value)
            case _:
                raise SchemaRefused("#", "it describes a row, which is an object.")
    return tuple(columns)
