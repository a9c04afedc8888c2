"""Rows made up to fit a JSON Schema: the same for the same schema, count and seed, and every one of them valid.

A schema is first made into a tree of *places*, each with the ways in which a value can be made there: `$ref` and `allOf` are
laid together, `anyOf` and `oneOf` are ways to choose from. What is contradictory or not supported is refused then, with its
place named, before a row is made. Rows are then made by construction, and judged all the same: by `jsonschema`, row by row,
so that a misunderstanding in this file is an error and not a wrong file.

Nothing here reads a file or asks the network: a `$ref` leads to a place of the same document or is refused. Patterns are
matched by Rust's engine, through pydantic, which takes linear time; `re` can be made to take for ever, holding every thread.
"""

import ipaddress
import itertools
import json
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final, Protocol
from urllib.parse import unquote
from uuid import UUID

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing.jsonschema import EMPTY_REGISTRY

from netra.errors import InvalidInput
from netra.protocols.value import LARGEST_INTEGER, objection
from netra.tools.dice import EXACT, Dice, Ranks, exponential
from netra.tools.pattern import UNREADABLE, PatternRefused, PatternText

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

LARGEST_SCHEMA: Final = 64 * 1024
"""Bytes as JSON."""
DEEPEST_SCHEMA: Final = 40
"""Levels of JSON. The judge goes a dozen calls deeper with each."""
MOST_PLACES: Final = 2000
MOST_WAYS: Final = 200
"""To make a value at one place; `anyOf` beside `anyOf` multiply."""
MOST_VALUES: Final = 100_000
"""In one row, with those that did not fit and were made again."""
MOST_PATTERNS: Final = 20
"""Each may take a few mebibytes while it is matched."""
MOST_ITEMS: Final = 1000
"""That an array may be made to have."""
LONGEST_TEXT: Final = 10_000
"""Characters that a text may be made to have."""
TRIES: Final = 200
"""Values made at one place before it counts as one that cannot be filled."""
ROW_TRIES: Final = 10
DEEPEST_ROW: Final = 40
"""Levels."""
DEEP: Final = 6
"""Levels of a row after which optional things are left out, so that what can contain itself comes to an end."""
SPREAD: Final = 1000
"""Steps from a bound to the other where only one is given."""
LEFT_OUT: Final = 5
"""An optional property is left out one time in so many."""

DISTRIBUTION: Final = "x-distribution"
KINDS: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
ANYTHING: Final = ("null", "boolean", "integer", "string")
"""What is made where a schema allows everything."""

OF_KIND: Final[Mapping[str, frozenset[str]]] = {
    "number": frozenset(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    "string": frozenset(["minLength", "maxLength", "pattern", "format"]),
    "array": frozenset(["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]),
    "object": frozenset(["properties", "required", "additionalProperties", "minProperties", "maxProperties"]),
}
APPLIED: Final = frozenset(["$ref", "allOf", "anyOf", "oneOf", "type", "enum", "const", DISTRIBUTION]).union(*OF_KIND.values())
SAID: Final = frozenset(
    """$comment $defs definitions title description default examples deprecated readOnly writeOnly
    contentEncoding contentMediaType contentSchema""".split()
)
"""Keywords that say something to people, or hold what others refer to."""


Part = tuple[str, Mapping[str, Any]]
"""A schema of which only its own keywords count here, and its place."""


class SchemaRefused(InvalidInput):
    """Rows cannot be made of this schema."""

    code = "schema_refused"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place[:300]}: {why}", field="arguments.schema", place=place[:300])


class Stopped(Exception):
    """Nobody waits for the rows any more."""


@dataclass(slots=True)
class Draw:
    """What a row is made with: chance, and the means to end the work."""

    dice: Dice
    stop: threading.Event
    values: int = 0
    """Made for the present row."""

    def spend(self, place: str) -> None:
        """Count one value more. Raises `Stopped`, or `SchemaRefused` for a row without end."""
        if self.stop.is_set():
            raise Stopped
        self.values += 1
        if self.values > MOST_VALUES:
            raise SchemaRefused(place, f"a row would take more than {MOST_VALUES:,} values to make.")


class Way(Protocol):
    """One way to make a value at a place."""

    def make(self, draw: Draw, depth: int) -> Any:
        """A value. Raises `Misfit` when this attempt came to nothing."""

    def needs(self) -> Iterable["Place"]:
        """Places that must be filled for a value to be made."""


class Misfit(Exception):
    """This attempt came to nothing; another may not."""


@dataclass(slots=True)
class Place:
    """Where a value stands: the schemas that it has to satisfy together, and the ways to make one."""

    name: str
    judges: tuple[Any, ...] = ()
    """Validators, one a schema."""
    ways: list[Way] = field(default_factory=list)
    delicate: bool = False
    """A way may make what does not fit; what it makes is judged at once."""
    height: float = math.inf
    """Levels that a value has at least."""

    def make(self, draw: Draw, depth: int) -> Any:
        ways = self.ways
        if depth > DEEPEST_ROW:
            raise SchemaRefused(self.name, f"a row would be nested more than {DEEPEST_ROW} levels deep.")
        if depth >= DEEP and len(ways) > 1:
            least = min(map(_height, ways))
            ways = [way for way in ways if _height(way) == least]
        for _ in range(TRIES):
            draw.spend(self.name)
            try:
                value = draw.dice.choice(ways).make(draw, depth)
            except Misfit:
                continue
            if not self.delicate or self.accepts(value):
                return value
        raise SchemaRefused(self.name, f"nothing that satisfies it was found in {TRIES} tries.")

    def accepts(self, value: Any) -> bool:
        return objection(value) is None and all(judge.is_valid(value) for judge in self.judges)


def _height_of(place: Place) -> float:
    return place.height


def _height(way: Way) -> float:
    return max((1 + place.height for place in way.needs()), default=0)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value out of a list."""

    values: Sequence[Any]
    ranks: Ranks | None = None

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a value is as deep as it is
        return self.values[self.ranks.draw(draw.dice)] if self.ranks else draw.dice.choice(self.values)

    def needs(self) -> Iterable[Place]:
        return ()


@dataclass(frozen=True, slots=True)
class Steps:
    """A number out of `first * step`, …, `last * step`."""

    step: Fraction
    first: int
    last: int
    whole: bool
    ranks: Ranks | None = None

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a number has no depth
        nth = self.ranks.draw(draw.dice) if self.ranks else draw.dice.below(self.last - self.first + 1)
        number = (self.first + nth) * self.step
        return int(number) if self.whole else float(number)

    def needs(self) -> Iterable[Place]:
        return ()


@dataclass(frozen=True, slots=True)
class Curve:
    """A number of a continuous distribution, cut off at the bounds."""

    draw_one: Callable[[Dice], float]
    least: Fraction | None
    most: Fraction | None
    step: Fraction | None
    whole: bool

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a number has no depth
        drawn = self.draw_one(draw.dice)
        if not math.isfinite(drawn):
            raise Misfit
        if self.step is None:
            drawn = float(f"{drawn:.6g}")
            number = Fraction(drawn)
        else:
            number = round(Fraction(drawn) / self.step) * self.step
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            raise Misfit
        return int(number) if self.whole else float(number)

    def needs(self) -> Iterable[Place]:
        return ()


@dataclass(frozen=True, slots=True)
class Words:
    """A text: of a pattern, of a format, or of words that mean nothing."""

    shortest: int
    longest: int
    pattern: PatternText | None
    format: str | None

    def make(self, draw: Draw, depth: int) -> Any:  # noqa: ARG002 - a text has no depth
        if self.pattern is not None:
            try:
                text = self.pattern.make(draw.dice, self.shortest)
            except PatternRefused:
                raise Misfit from None
        elif self.format is not None:
            text = FORMATS[self.format](draw.dice)
        else:
            text = _words(draw.dice, draw.dice.randint(self.shortest, self.longest))
        if not self.shortest <= len(text) <= self.longest:
            raise Misfit
        return text

    def needs(self) -> Iterable[Place]:
        return ()


@dataclass(frozen=True, slots=True)
class Items:
    """An array: places for the first items, and one for all that follow."""

    first: Sequence[Place]
    rest: Place | None
    fewest: int
    most: int
    unique: bool

    def make(self, draw: Draw, depth: int) -> Any:
        count = self.fewest if depth >= DEEP else draw.dice.randint(self.fewest, self.most)
        items: list[Any] = []
        seen: set[str] = set()
        for nth in range(count):
            place = self._place(nth)
            for _ in range(TRIES * 5 if self.unique else 1):
                item = place.make(draw, depth + 1)
                key = _identity(item) if self.unique else ""
                if key not in seen:
                    break
            else:
                if nth >= self.fewest:
                    break
                raise SchemaRefused(place.name, f"{self.fewest} different items are asked for; {nth} were found.")
            items.append(item)
            if self.unique:
                seen.add(key)
        return items

    def needs(self) -> Iterable[Place]:
        return map(self._place, range(min(self.fewest, len(self.first) + 1)))

    def _place(self, nth: int) -> Place:
        if nth < len(self.first):
            return self.first[nth]
        assert self.rest is not None, "an array without a place for more items has a bound"
        return self.rest


@dataclass(frozen=True, slots=True)
class Members:
    """An object."""

    places: Mapping[str, Place]
    required: frozenset[str]
    fewest: int
    most: int

    def make(self, draw: Draw, depth: int) -> Any:
        optional = [name for name in self.places if name not in self.required]
        chosen = set(self.required)
        if depth < DEEP:
            chosen |= {name for name in optional if draw.dice.below(LEFT_OUT)}
            draw.dice.shuffle(optional)
        else:
            optional.sort(key=lambda name: self.places[name].height)
        for name in optional:
            if len(chosen) < self.fewest:
                chosen.add(name)
            elif len(chosen) > self.most:
                chosen.discard(name)
        return {name: place.make(draw, depth + 1) for name, place in self.places.items() if name in chosen}

    def needs(self) -> Iterable[Place]:
        optional = sorted((place for name, place in self.places.items() if name not in self.required), key=_height_of)
        return itertools.chain(
            (self.places[name] for name in self.required), optional[: max(0, self.fewest - len(self.required))]
        )


class Recipe:
    """A schema, read and found good. Making rows of it changes nothing in it."""

    def __init__(self, schema: Any, stop: threading.Event) -> None:
        """Raises `SchemaRefused`, or `Stopped`."""
        self._stop = stop
        self._schema = _checked(schema)
        self._patterns = Patterns()
        judge: Any = extend(Draft202012Validator, {"pattern": self._patterns.match})  # type: ignore[no-untyped-call]
        self._judge = judge(self._schema, registry=EMPTY_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER)
        self._by_name: dict[tuple[str, ...], Place] = {}
        self._waiting: list[tuple[Place, tuple[str, ...]]] = []
        self._schemas: dict[str, Any] = {}
        try:
            self._root = self._place(("#",), [("#", self._schema)])
            while self._waiting:
                self._fill(*self._waiting.pop())
        except RecursionError:
            raise SchemaRefused("#", "it is nested too deeply.") from None
        self._measure()
        if not all(isinstance(way, Members) or _are_objects(way) for way in self._root.ways):
            raise SchemaRefused("#", "it describes a row, which is an object.")
        self.columns: tuple[str, ...] = tuple(
            dict.fromkeys(
                name
                for way in self._root.ways
                for names in ([way.places] if isinstance(way, Members) else way.values if isinstance(way, OneOf) else [])
                for name in names
            )
        )

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
        place = _pointer("#", *error.absolute_schema_path)
        raise SchemaRefused(place, f"nothing was found that satisfies it: {error.message[:200]}")

    # -- From schemas to places ---------------------------------------------------------------------------------------------

    def _place(self, names: tuple[str, ...], schemas: Sequence[tuple[str, Any]]) -> Place:
        """The place at which all of these schemas hold; made at most once."""
        if (known := self._by_name.get(names)) is not None:
            return known
        if self._stop.is_set():
            raise Stopped
        if len(self._by_name) >= MOST_PLACES:
            raise SchemaRefused(names[0], f"the schema has more than {MOST_PLACES:,} places.")
        self._schemas.update(schemas)
        place = Place(names[0] if names else "#", tuple(self._judge.evolve(schema=schema) for _, schema in schemas))
        self._by_name[names] = place
        self._waiting.append((place, names))
        return place

    def _together(self, schemas: Iterable[tuple[str, Any]]) -> Place:
        unique = dict(schemas)
        return self._place(tuple(unique), list(unique.items()))

    def _fill(self, place: Place, names: tuple[str, ...]) -> None:
        """Find the ways to make a value at a place."""
        alternatives = self._product([self._alternatives(name, self._schemas[name], frozenset()) for name in names], place.name)
        refusals: list[SchemaRefused] = []
        for parts in alternatives:
            place.delicate |= any("oneOf" in part for _, part in parts)
            try:
                place.ways += self._ways(place, parts)
            except SchemaRefused as refused:
                refusals.append(refused)
        if not place.ways and refusals:
            raise refusals[0]
        # `false` alone leaves no way and no refusal: nothing stands here, which is well where nothing has to.

    def _alternatives(self, name: str, schema: Any, trail: frozenset[str]) -> list[list[Part]]:
        """The sets of plain schemas of which one has to hold wholly, for this schema to hold."""
        if isinstance(schema, bool):
            return [[]] if schema else []
        _check_keywords(name, schema)
        found: list[list[list[Part]]] = [[[(name, schema)]]]
        if (reference := schema.get("$ref")) is not None:
            target, referred = self._follow(name, reference)
            if target in trail:
                raise SchemaRefused(name, f"$ref leads back to {target} without going into the value.")
            found.append(self._alternatives(target, referred, trail | {target}))
        found += [self._alternatives(_pointer(name, "allOf", n), part, trail) for n, part in enumerate(schema.get("allOf", ()))]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                branches = [
                    self._alternatives(_pointer(name, keyword, nth), branch, trail)
                    for nth, branch in enumerate(schema[keyword])
                ]
                found.append(list(itertools.chain(*branches)))
        return self._product(found, name)

    def _product(self, found: Sequence[list[list[Any]]], name: str) -> list[list[Any]]:
        if math.prod(map(len, found)) > MOST_WAYS:
            raise SchemaRefused(name, f"anyOf and oneOf combine to more than {MOST_WAYS} ways to satisfy it.")
        return [list(itertools.chain(*chosen)) for chosen in itertools.product(*found)]

    def _follow(self, name: str, reference: str) -> tuple[str, Any]:
        """The place of this document that a `$ref` leads to, and the schema there."""
        pointer = unquote(reference)
        if pointer != "#" and not pointer.startswith("#/"):
            raise SchemaRefused(name, "$ref leads out of the schema; only #/… is followed.")
        found: Any = self._schema
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        for step in steps:
            if isinstance(found, Mapping) and step in found:
                found = found[step]
            elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
                found = found[int(step)]
            else:
                raise SchemaRefused(name, f"$ref leads to {pointer[:200]}, which is not there.")
        _check_form(found, pointer)
        return _pointer("#", *steps), found

    # -- From plain schemas to ways -----------------------------------------------------------------------------------------

    def _ways(self, place: Place, parts: Sequence[Part]) -> list[Way]:
        """The ways to make a value that satisfies all of these plain schemas. Raises `SchemaRefused` when there is none."""
        listed = [(name, part["enum"]) for name, part in parts if "enum" in part]
        listed += [(name, [part["const"]]) for name, part in parts if "const" in part]
        spread = _distribution(parts)
        if listed:
            name, values = listed[0]
            judges = [self._judge.evolve(schema=part) for _, part in parts]
            try:
                fitting = [value for value in values if all(judge.is_valid(value) for judge in judges)]
            except PatternRefused as refused:
                raise SchemaRefused(name, str(refused)) from None
            if not fitting:
                raise SchemaRefused(name, "none of its values satisfies the rest of the schema.")
            return [OneOf(fitting, _ranks(spread, len(fitting)))]
        makers: Mapping[str, Callable[[], Way]] = {
            "null": lambda: OneOf([None]),
            "boolean": lambda: OneOf([False, True]),
            "integer": lambda: _number(place, parts, spread, whole=True),
            "number": lambda: _number(place, parts, spread, whole=False),
            "string": lambda: self._text(place, parts),
            "array": lambda: self._items(place, parts),
            "object": lambda: self._members(place, parts),
        }
        ways: list[Way] = []
        refusals: list[SchemaRefused] = []
        for kind in _kinds(parts):
            try:
                ways.append(makers[kind]())
            except SchemaRefused as refused:
                refusals.append(refused)
        if not ways:
            raise refusals[0]
        return ways

    def _text(self, place: Place, parts: Sequence[Part]) -> Way:
        name, shortest = _most(parts, "minLength", place.name, 0)
        patterns = [(at, part["pattern"]) for at, part in parts if "pattern" in part]
        formats = {part["format"]: at for at, part in parts if "format" in part}
        loose = bool(patterns or formats)
        _, longest = _least(parts, "maxLength", place.name, LONGEST_TEXT if loose else max(20, shortest + 20))
        if shortest > longest:
            raise SchemaRefused(name, "its shortest text is longer than its longest.")
        if shortest > LONGEST_TEXT:
            raise SchemaRefused(name, f"minLength is more than {LONGEST_TEXT:,}.")
        for unknown, at in formats.items():
            if unknown not in FORMATS:
                raise SchemaRefused(at, f"the format {unknown[:60]!r} is not supported; {', '.join(FORMATS)} are.")
        if len(formats) > 1:
            raise SchemaRefused(name, f"a text cannot have the formats {' and '.join(formats)} at once.")
        made = []
        for at, pattern in patterns:
            try:
                made.append(PatternText(pattern))
                self._patterns[pattern]
            except PatternRefused as refused:
                raise SchemaRefused(at, str(refused)) from None
        if loose:
            place.delicate = True
            longest = min(longest, LONGEST_TEXT)
        else:
            longest = min(longest, max(20, shortest + 20))
            shortest = min(max(shortest, 1), longest)
        return Words(shortest, longest, made[0] if made and not formats else None, next(iter(formats), None))

    def _items(self, place: Place, parts: Sequence[Part]) -> Way:
        name, fewest = _most(parts, "minItems", place.name, 0)
        length = max((len(part.get("prefixItems", ())) for _, part in parts), default=0)
        _, most = _least(parts, "maxItems", place.name, max(fewest + 3, length))
        first = []
        for nth in range(min(length, most)):
            at = self._together(_item_schemas(parts, nth))
            if _impossible(parts, nth):
                most = nth
                break
            first.append(at)
        rest = self._together(_item_schemas(parts, length)) if most > len(first) else None
        if rest is not None and _impossible(parts, length):
            most, rest = len(first), None
        most = min(most, max(fewest, MOST_ITEMS))
        if fewest > most:
            raise SchemaRefused(name, f"minItems asks for {fewest} items; there can be {most}.")
        if fewest > MOST_ITEMS:
            raise SchemaRefused(name, f"minItems is more than {MOST_ITEMS:,}.")
        return Items(first, rest, fewest, most, any(part.get("uniqueItems") for _, part in parts))

    def _members(self, place: Place, parts: Sequence[Part]) -> Way:
        names = dict.fromkeys(name for _, part in parts for name in part.get("properties", {}))
        required = {name: at for at, part in parts for name in part.get("required", ())}
        places = {}
        for name in [*names, *(name for name in required if name not in names)]:
            schemas = _member_schemas(parts, name)
            if any(schema is False for _, schema in schemas):
                if name in required:
                    raise SchemaRefused(required[name], f"requires {name[:100]!r}, which is not allowed.")
                continue
            places[name] = self._together(schemas)
        at, fewest = _most(parts, "minProperties", place.name, 0)
        if fewest > len(places):
            raise SchemaRefused(at, f"minProperties asks for {fewest} properties; {len(places)} are named.")
        at, most = _least(parts, "maxProperties", place.name, len(places))
        if most < max(len(required), fewest):
            raise SchemaRefused(at, f"maxProperties allows {most} properties; more are required.")
        return Members(places, frozenset(required), fewest, most)

    def _measure(self) -> None:
        """How deep each place is at least; refuse what can never end, and leave out what nobody needs and cannot be."""
        places = list(self._by_name.values())
        changed = True
        while changed:
            changed = False
            for place in places:
                height = min(map(_height, place.ways), default=math.inf)
                if height < place.height:
                    place.height, changed = height, True
        if self._root.height == math.inf:
            never = next((place for place in places if place.height == math.inf and place.ways), self._root)
            why = "it requires itself, without end." if never.ways else "nothing satisfies it."
            raise SchemaRefused(never.name, why)
        for place in places:
            place.ways = [_without(way) for way in place.ways if _height(way) < math.inf]


def _without(way: Way) -> Way:
    """The same way, without what is optional and can never be made."""
    match way:
        case Members(places, required, fewest, most):
            possible = {name: place for name, place in places.items() if place.height < math.inf}
            if fewest > len(possible):
                raise SchemaRefused(next(iter(places.values())).name, "nothing satisfies it.")
            return Members(possible, required, fewest, min(most, len(possible)))
        case Items(first, rest, fewest, most, unique):
            end = next((nth for nth, place in enumerate(first) if place.height == math.inf), len(first))
            if end < len(first) or (rest is not None and rest.height == math.inf):
                return Items(first[:end], None, fewest, max(fewest, min(most, end)), unique)
    return way


def _checked(schema: Any) -> dict[str, Any]:
    """The schema without what names it. Raises `SchemaRefused`."""
    if not isinstance(schema, dict):
        raise SchemaRefused("#", "a schema is an object.")
    if (words := objection(schema)) is not None:
        raise SchemaRefused("#", f"it {words}.")
    if len(json.dumps(schema, ensure_ascii=False).encode()) > LARGEST_SCHEMA:
        raise SchemaRefused("#", f"it has more than {LARGEST_SCHEMA:,} bytes.")
    if schema.get("$schema", DIALECT).rstrip("#") != DIALECT if isinstance(schema.get("$schema", ""), str) else True:
        raise SchemaRefused("#", "it is written in another dialect than JSON Schema 2020-12.")
    plain = {keyword: value for keyword, value in schema.items() if keyword not in ("$schema", "$id")}
    waiting: list[tuple[str, Any, int]] = [("#", plain, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > DEEPEST_SCHEMA:
            raise SchemaRefused(place, f"it is nested more than {DEEPEST_SCHEMA} levels deep.")
        match value:
            case dict():
                # These change what a `$ref` below them means.
                for keyword in ("$schema", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef"):
                    if isinstance(value.get(keyword), str):
                        raise SchemaRefused(place, f"{keyword} is not supported here.")
                waiting += [(_pointer(place, key), inner, depth + 1) for key, inner in value.items()]
            case list():
                waiting += [(_pointer(place, nth), inner, depth + 1) for nth, inner in enumerate(value)]
    _check_form(plain, "#")
    return plain


def _check_form(schema: Any, place: str) -> None:
    """Refuse what is no JSON Schema."""
    try:
        # Without formats: one of them has `re` read each pattern.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        raise SchemaRefused(_pointer(place, *error.absolute_path), f"{error.message[:200]}.") from None
    except RecursionError:
        raise SchemaRefused(place, "it is nested too deeply.") from None


def _check_keywords(place: str, schema: Mapping[str, Any]) -> None:
    for keyword in schema:
        if keyword not in APPLIED and keyword not in SAID and (keyword == DISTRIBUTION or not keyword.startswith("x-")):
            near = get_close_matches(keyword, APPLIED, 1)
            hint = f" Do you mean {near[0]}?" if near else ""
            raise SchemaRefused(place, f"the keyword {keyword[:60]!r} is not supported.{hint}")


class Patterns(dict[str, SchemaValidator]):
    """The patterns of one schema, each compiled once."""

    def __missing__(self, pattern: str) -> SchemaValidator:
        """Raises `PatternRefused`."""
        if len(self) >= MOST_PATTERNS:
            raise PatternRefused(f"the schema has more than {MOST_PATTERNS} patterns.")
        try:
            self[pattern] = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
        except PatternError:
            raise PatternRefused(UNREADABLE) from None
        return self[pattern]

    def match(self, _: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        """The keyword `pattern`, as `jsonschema` calls it."""
        if isinstance(instance, str) and not self[pattern].isinstance_python(instance):
            yield ValidationError(f"it does not match {pattern!r}.")


def _kinds(parts: Sequence[Part]) -> Sequence[str]:
    """The types that a value may have. Where no schema says, those that their keywords are about."""
    possible: set[str] | None = None
    for name, part in parts:
        if (said := part.get("type")) is not None:
            kinds = {said} if isinstance(said, str) else set(said)
            kinds |= {"integer"} if "number" in kinds else set()
            possible = kinds if possible is None else possible & kinds
            if not possible:
                raise SchemaRefused(name, "its type contradicts the rest of the schema.")
    if possible is None:
        said_by = {keyword for _, part in parts for keyword in part}
        return [kind for kind, keywords in OF_KIND.items() if keywords & said_by] or ANYTHING
    if "number" in possible:
        possible.discard("integer")
    return [kind for kind in KINDS if kind in possible]


# -- Numbers ----------------------------------------------------------------------------------------------------------------


def _exact(number: float) -> Fraction:
    """A number as it is written: 0.1 is a tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(Decimal(repr(number)))


Bound = tuple[Fraction, bool]
"""A number, and whether it is itself beyond the bound."""


def _bounds(parts: Sequence[Part]) -> tuple[Bound | None, Bound | None]:
    """The closest of the lower and of the upper bounds."""

    def named(keyword: str) -> list[Bound]:
        given = [(part[keyword], False) for _, part in parts if keyword in part]
        excluding = f"exclusive{keyword[0].upper()}{keyword[1:]}"
        given += [(part[excluding], True) for _, part in parts if excluding in part]
        return [(_exact(number), excluded) for number, excluded in given]

    low = max(named("minimum"), default=None)
    return low, min(named("maximum"), key=lambda bound: (bound[0], not bound[1]), default=None)


def _number(place: Place, parts: Sequence[Part], spread: Mapping[str, Any], *, whole: bool) -> Way:
    low, high = _bounds(parts)
    step = Fraction(1) if whole else None
    for factor in (part["multipleOf"] for _, part in parts if "multipleOf" in part):
        # What a multiple of 0.1 is, a judge decides who has floats to do it with.
        place.delicate |= isinstance(factor, float)
        step = _exact(factor) if step is None else _multiple_of_both(step, _exact(factor))
    if whole:
        low = None if low is None else max(low, (Fraction(-LARGEST_INTEGER), False))
        high = None if high is None else min(high, (Fraction(LARGEST_INTEGER), False))
    name = parts[0][0] if parts else place.name
    if low and high and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))):
        raise SchemaRefused(name, "no number is between its bounds.")
    # A float may not be able to tell a number from the bound that it is beyond.
    place.delicate |= not whole and any(bound is not None and bound[1] for bound in (low, high))
    if spread.get("kind") in CURVES:
        place.delicate |= any(bound is not None and bound[1] for bound in (low, high))
        curve = CURVES[spread["kind"]](spread)
        return Curve(curve, low[0] if low else None, high[0] if high else None, step, whole)
    return _steps(name, low, high, step, spread, whole=whole)


def _multiple_of_both(one: Fraction, other: Fraction) -> Fraction:
    return Fraction(math.lcm(one.numerator, other.numerator), math.gcd(one.denominator, other.denominator))


def _steps(
    name: str,
    low: Bound | None,
    high: Bound | None,
    step: Fraction | None,
    spread: Mapping[str, Any],
    *,
    whole: bool,
) -> Way:
    """Numbers at equal distances between the bounds."""
    size = step or Fraction(1)
    if low is None and high is None:
        low = (Fraction(0), False)
    if low is None:
        assert high is not None, "one of the bounds is known by now"
        low = (high[0] - SPREAD * size, False)
    if high is None:
        high = (low[0] + SPREAD * size, False)
    fixed = step is not None
    if step is None:
        # A hundred thousand numbers between the bounds, or as many as there are of a power of ten; one where the bounds meet.
        width = high[0] - low[0]
        if width:
            step = Fraction(10) ** (EXACT.divide(Decimal(width.numerator), Decimal(width.denominator)).adjusted() - 5)
        else:
            step = abs(low[0]) or Fraction(1)
    for _ in range(1 if fixed else 20):
        first = math.ceil(low[0] / step)
        last = math.floor(high[0] / step)
        first += low[1] and first * step == low[0]
        last -= high[1] and last * step == high[0]
        if first <= last:
            break
        if not fixed:
            step /= 10
    else:
        raise SchemaRefused(name, "no number is between its bounds.")
    ranks = None
    if spread.get("kind") == "zipf":
        if not whole:
            raise SchemaRefused(name, f"{DISTRIBUTION}: zipf is for whole numbers and for enum.")
        ranks = _ranks(spread, last - first + 1, name)
    return Steps(step, first, last, whole, ranks)


def _normal(spread: Mapping[str, Any]) -> Callable[[Dice], float]:
    mean, deviation = float(spread["mean"]), float(spread["deviation"])
    return lambda dice: mean + deviation * dice.normal()


def _lognormal(spread: Mapping[str, Any]) -> Callable[[Dice], float]:
    median, sigma = float(spread["median"]), float(spread["sigma"])
    return lambda dice: median * exponential(sigma * dice.normal())


CURVES: Final[Mapping[str, Callable[[Mapping[str, Any]], Callable[[Dice], float]]]] = {
    "normal": _normal,
    "lognormal": _lognormal,
}
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "uniform": frozenset(),
    "normal": frozenset(["mean", "deviation"]),
    "lognormal": frozenset(["median", "sigma"]),
    "zipf": frozenset(["exponent"]),
}
POSITIVE: Final = frozenset(["deviation", "median", "sigma", "exponent"])
MOST_RANKS: Final = 100_000


def _distribution(parts: Sequence[Part]) -> Mapping[str, Any]:
    """What `x-distribution` asks for. Raises `SchemaRefused` when it is not well formed."""
    given = [(name, part[DISTRIBUTION]) for name, part in parts if DISTRIBUTION in part]
    if not given:
        return {}
    name, spread = given[-1]
    kind = spread.get("kind") if isinstance(spread, Mapping) else None
    if not isinstance(kind, str) or kind not in PARAMETERS:
        raise SchemaRefused(name, f"{DISTRIBUTION}: kind is one of {', '.join(PARAMETERS)}.")
    wanted = PARAMETERS[kind]
    if {*spread} - {"kind"} != wanted:
        raise SchemaRefused(name, f"{DISTRIBUTION}: {kind} takes {' and '.join(sorted(wanted)) or 'nothing else'}.")
    for parameter in wanted:
        value = spread[parameter]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SchemaRefused(name, f"{DISTRIBUTION}: {parameter} is a number.")
        if parameter in POSITIVE and value <= 0:
            raise SchemaRefused(name, f"{DISTRIBUTION}: {parameter} is above zero.")
    return dict(spread)


def _ranks(spread: Mapping[str, Any], count: int, name: str = "#") -> Ranks | None:
    if spread.get("kind") in (None, "uniform"):
        return None
    if spread["kind"] != "zipf":
        raise SchemaRefused(name, f"{DISTRIBUTION}: {spread['kind']} is for numbers; for values of a list there is zipf.")
    if count > MOST_RANKS:
        raise SchemaRefused(name, f"{DISTRIBUTION}: zipf is for at most {MOST_RANKS:,} different numbers; give both bounds.")
    return Ranks(count, float(spread["exponent"]))


# -- Texts ------------------------------------------------------------------------------------------------------------------

SYLLABLES: Final = tuple("ba da fe go hu ka le mi no pa qui ro sa te vu wen xa yo zi lor nam est".split())
EPOCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
TEN_YEARS: Final = 3653 * 86_400
"""Seconds: times are made from 2020 to the end of 2029."""


def _word(dice: Dice) -> str:
    return "".join(dice.choice(SYLLABLES) for _ in range(dice.randint(2, 4)))


def _words(dice: Dice, length: int) -> str:
    """Words that mean nothing, exactly so many characters of them."""
    text = ""
    while len(text) < length:
        text += f" {_word(dice)}" if text else _word(dice)
    text = text[:length]
    return f"{text[:-1]}a" if text.endswith(" ") else text


def _time(dice: Dice) -> datetime:
    return EPOCH + timedelta(seconds=dice.below(TEN_YEARS))


# Names and addresses are of those that are reserved for examples and for private networks (RFC 2606, 3849, 1918).
FORMATS: Final[Mapping[str, Callable[[Dice], str]]] = {
    "date-time": lambda dice: f"{_time(dice):%Y-%m-%dT%H:%M:%SZ}",
    "date": lambda dice: f"{_time(dice):%Y-%m-%d}",
    "time": lambda dice: f"{_time(dice):%H:%M:%SZ}",
    "email": lambda dice: f"{_word(dice)}.{_word(dice)}@example.{dice.choice(('com', 'net', 'org'))}",
    "uuid": lambda dice: str(UUID(int=dice.below(2**128), version=4)),
    "uri": lambda dice: f"https://example.com/{_word(dice)}/{dice.below(100_000)}",
    "ipv4": lambda dice: str(ipaddress.IPv4Address((10 << 24) + dice.below(2**24))),
    "ipv6": lambda dice: str(ipaddress.IPv6Address((0x20010DB8 << 96) + dice.below(2**96))),
    "hostname": lambda dice: f"{_word(dice)}-{dice.below(1000)}.example.com",
}


# -- Arrays and objects -----------------------------------------------------------------------------------------------------


def _item_schemas(parts: Sequence[Part], nth: int) -> list[tuple[str, Any]]:
    """What the n-th item of an array has to satisfy."""
    found: list[tuple[str, Any]] = []
    for name, part in parts:
        first = part.get("prefixItems", ())
        if nth < len(first):
            found.append((_pointer(name, "prefixItems", nth), first[nth]))
        elif "items" in part:
            found.append((_pointer(name, "items"), part["items"]))
    return found


def _impossible(parts: Sequence[Part], nth: int) -> bool:
    return any(schema is False for _, schema in _item_schemas(parts, nth))


def _member_schemas(parts: Sequence[Part], member: str) -> list[tuple[str, Any]]:
    """What a member of an object has to satisfy."""
    found: list[tuple[str, Any]] = []
    for name, part in parts:
        if member in part.get("properties", {}):
            found.append((_pointer(name, "properties", member), part["properties"][member]))
        elif "additionalProperties" in part:
            found.append((_pointer(name, "additionalProperties"), part["additionalProperties"]))
    return found


def _most(parts: Sequence[Part], keyword: str, place: str, default: int) -> tuple[str, int]:
    """The largest number that a keyword is given, and where; `default` where it is not."""
    return max(_given(parts, keyword), key=_number_of, default=(place, default))


def _least(parts: Sequence[Part], keyword: str, place: str, default: int) -> tuple[str, int]:
    return min(_given(parts, keyword), key=_number_of, default=(place, default))


def _given(parts: Sequence[Part], keyword: str) -> list[tuple[str, int]]:
    return [(name, int(part[keyword])) for name, part in parts if keyword in part]


def _number_of(found: tuple[str, int]) -> int:
    return found[1]


def _identity(value: Any) -> str:
    """The same text for values that JSON Schema takes for equal: 1 and 1.0 are, 1 and true are not."""

    def plain(item: Any) -> Any:
        match item:
            case float() if item.is_integer():
                return int(item)
            case dict():
                return {name: plain(inner) for name, inner in item.items()}
            case list():
                return [plain(inner) for inner in item]
        return item

    return json.dumps(plain(value), sort_keys=True)


def _are_objects(way: Way) -> bool:
    return isinstance(way, OneOf) and all(isinstance(value, dict) for value in way.values)


def _pointer(place: str, *steps: Any) -> str:
    return "/".join([place, *(str(step).replace("~", "~0").replace("/", "~1") for step in steps)])
