"""Arrays and objects: what stands in them, how much of it, and what is left out."""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from netra.tools.synthesis.dialect import Located, Part, SchemaRefused, largest, pointer, smallest
from netra.tools.synthesis.place import DEEP, TRIES, Draw, Place, Way

MOST_ITEMS: Final = 1000
"""That an array may be made to have."""
LEFT_OUT: Final = 5
"""An optional property is left out one time in so many."""

Together = Callable[[Iterable[Located]], Place]
"""The place at which all of these schemas hold."""


@dataclass(frozen=True, slots=True)
class Items(Way):
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

    def possible(self) -> Way:
        end = next((nth for nth, place in enumerate(self.first) if place.height == math.inf), len(self.first))
        if end == len(self.first) and (self.rest is None or self.rest.height < math.inf):
            return self
        return Items(self.first[:end], None, self.fewest, max(self.fewest, min(self.most, end)), self.unique)

    def _place(self, nth: int) -> Place:
        if nth < len(self.first):
            return self.first[nth]
        assert self.rest is not None, "an array without a place for more items has a bound"
        return self.rest


@dataclass(frozen=True, slots=True)
class Members(Way):
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
        optional = [place for name, place in self.places.items() if name not in self.required]
        optional.sort(key=lambda place: place.height)
        required = (self.places[name] for name in self.required)
        return itertools.chain(required, optional[: max(0, self.fewest - len(self.required))])

    def possible(self) -> Way:
        places = {name: place for name, place in self.places.items() if place.height < math.inf}
        if self.fewest > len(places):
            raise SchemaRefused(next(iter(self.places.values())).name, "nothing satisfies it.")
        return Members(places, self.required, self.fewest, min(self.most, len(places)))


def read_items(place: Place, parts: Sequence[Part], together: Together) -> Way:
    """The way to an array that satisfies these schemas. Raises `SchemaRefused` where there is none."""
    name, fewest = largest(parts, "minItems", place.name, 0)
    length = max((len(part.get("prefixItems", ())) for _, part in parts), default=0)
    _, most = smallest(parts, "maxItems", place.name, max(fewest + 3, length))
    first = []
    for nth in range(min(length, most)):
        schemas = _item_schemas(parts, nth)
        at = together(schemas)
        if _excluded(schemas):
            most = nth
            break
        first.append(at)
    rest = None
    if most > len(first):
        schemas = _item_schemas(parts, length)
        rest = together(schemas)
        if _excluded(schemas):
            most, rest = len(first), None
    most = min(most, max(fewest, MOST_ITEMS))
    if fewest > most:
        raise SchemaRefused(name, f"minItems asks for {fewest} items; there can be {most}.")
    if fewest > MOST_ITEMS:
        raise SchemaRefused(name, f"minItems is more than {MOST_ITEMS:,}.")
    return Items(first, rest, fewest, most, any(part.get("uniqueItems") for _, part in parts))


def read_members(place: Place, parts: Sequence[Part], together: Together) -> Way:
    """The way to an object that satisfies these schemas. Raises `SchemaRefused` where there is none."""
    names = dict.fromkeys(name for _, part in parts for name in part.get("properties", {}))
    required = {name: at for at, part in parts for name in part.get("required", ())}
    places = {}
    for name in [*names, *(name for name in required if name not in names)]:
        schemas = _member_schemas(parts, name)
        if _excluded(schemas):
            if name in required:
                raise SchemaRefused(required[name], f"requires {name[:100]!r}, which is not allowed.")
            continue
        places[name] = together(schemas)
    at, fewest = largest(parts, "minProperties", place.name, 0)
    if fewest > len(places):
        raise SchemaRefused(at, f"minProperties asks for {fewest} properties; {len(places)} are named.")
    at, most = smallest(parts, "maxProperties", place.name, len(places))
    if most < max(len(required), fewest):
        raise SchemaRefused(at, f"maxProperties allows {most} properties; more are required.")
    return Members(places, frozenset(required), fewest, most)


def _item_schemas(parts: Sequence[Part], nth: int) -> list[Located]:
    """What the n-th item of an array has to satisfy."""
    found: list[Located] = []
    for name, part in parts:
        first = part.get("prefixItems", ())
        if nth < len(first):
            found.append((pointer(name, "prefixItems", nth), first[nth]))
        elif "items" in part:
            found.append((pointer(name, "items"), part["items"]))
    return found


def _member_schemas(parts: Sequence[Part], member: str) -> list[Located]:
    """What a member of an object has to satisfy."""
    found: list[Located] = []
    for name, part in parts:
        if member in part.get("properties", {}):
            found.append((pointer(name, "properties", member), part["properties"][member]))
        elif "additionalProperties" in part:
            found.append((pointer(name, "additionalProperties"), part["additionalProperties"]))
    return found


def _excluded(schemas: Iterable[Located]) -> bool:
    return any(schema is False for _, schema in schemas)


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
