"""What a schema may say here: the part of JSON Schema 2020-12 that rows are made of. Whatever else it says is refused.

A keyword that is not known would otherwise be passed over, and the rows would not be what was asked for.
"""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from netra.errors import InvalidInput
from netra.protocols.value import objection

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

LARGEST_SCHEMA: Final = 64 * 1024
"""Bytes as JSON."""
DEEPEST_SCHEMA: Final = 40
"""Levels of JSON. The judge goes a dozen calls deeper with each."""

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

RENAMING: Final = ("$schema", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef")
"""Keywords that change what a `$ref` below them means."""

Located = tuple[str, Any]
"""The place of a schema, as a pointer from `#`, and the schema."""
Part = tuple[str, Mapping[str, Any]]
"""The place of a schema, and the schema, of which only its own keywords count here."""


class SchemaRefused(InvalidInput):
    """Rows cannot be made of this schema."""

    code = "schema_refused"

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place[:300]}: {why}", field="arguments.schema", place=place[:300])


def checked(schema: Any) -> dict[str, Any]:
    """The schema without what names it. Raises `SchemaRefused`."""
    if not isinstance(schema, dict):
        raise SchemaRefused("#", "a schema is an object.")
    if (words := objection(schema)) is not None:
        raise SchemaRefused("#", f"it {words}.")
    if len(json.dumps(schema, ensure_ascii=False).encode()) > LARGEST_SCHEMA:
        raise SchemaRefused("#", f"it has more than {LARGEST_SCHEMA:,} bytes.")
    named = schema.get("$schema", DIALECT)
    if not isinstance(named, str) or named.rstrip("#") != DIALECT:
        raise SchemaRefused("#", "it is written in another dialect than JSON Schema 2020-12.")
    plain = {keyword: value for keyword, value in schema.items() if keyword not in ("$schema", "$id")}
    _check_depth(plain)
    check_form(plain, "#")
    return plain


def _check_depth(schema: Mapping[str, Any]) -> None:
    """Refuse what is nested too deeply, and what `$ref` cannot be followed in."""
    waiting: list[tuple[str, Any, int]] = [("#", schema, 0)]
    while waiting:
        place, value, depth = waiting.pop()
        if depth > DEEPEST_SCHEMA:
            raise SchemaRefused(place, f"it is nested more than {DEEPEST_SCHEMA} levels deep.")
        match value:
            case dict():
                for keyword in RENAMING:
                    if isinstance(value.get(keyword), str):
                        raise SchemaRefused(place, f"{keyword} is not supported here.")
                waiting += [(pointer(place, key), inner, depth + 1) for key, inner in value.items()]
            case list():
                waiting += [(pointer(place, nth), inner, depth + 1) for nth, inner in enumerate(value)]


def check_form(schema: Any, place: str) -> None:
    """Refuse what is no JSON Schema."""
    try:
        # Without formats: one of them has `re` read each pattern.
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    except SchemaError as error:
        raise SchemaRefused(pointer(place, *error.absolute_path), f"{error.message[:200]}.") from None
    except RecursionError:
        raise SchemaRefused(place, "it is nested too deeply.") from None


def check_keywords(place: str, schema: Mapping[str, Any]) -> None:
    """Refuse a keyword that is not known; those of others, `x-…`, say nothing here."""
    for keyword in schema:
        if keyword not in APPLIED and keyword not in SAID and not keyword.startswith("x-"):
            near = get_close_matches(keyword, APPLIED, 1)
            hint = f" Do you mean {near[0]}?" if near else ""
            raise SchemaRefused(place, f"the keyword {keyword[:60]!r} is not supported.{hint}")


def kinds(parts: Sequence[Part]) -> Sequence[str]:
    """The types that a value may have. Where no schema says, those that their keywords are about."""
    possible: set[str] | None = None
    for name, part in parts:
        if (said := part.get("type")) is not None:
            these = {said} if isinstance(said, str) else set(said)
            these |= {"integer"} if "number" in these else set()
            possible = these if possible is None else possible & these
            if not possible:
                raise SchemaRefused(name, "its type contradicts the rest of the schema.")
    if possible is None:
        said_by = {keyword for _, part in parts for keyword in part}
        return [kind for kind, keywords in OF_KIND.items() if keywords & said_by] or ANYTHING
    if "number" in possible:
        possible.discard("integer")
    return [kind for kind in KINDS if kind in possible]


def largest(parts: Sequence[Part], keyword: str, place: str, default: int) -> tuple[str, int]:
    """Where a keyword is given the largest number, and the number; `place` and `default` where it is not given."""
    return max(_given(parts, keyword), key=lambda given: given[1], default=(place, default))


def smallest(parts: Sequence[Part], keyword: str, place: str, default: int) -> tuple[str, int]:
    """Where a keyword is given the smallest number, and the number; `place` and `default` where it is not given."""
    return min(_given(parts, keyword), key=lambda given: given[1], default=(place, default))


def _given(parts: Sequence[Part], keyword: str) -> list[tuple[str, int]]:
    return [(name, int(part[keyword])) for name, part in parts if keyword in part]


def pointer(place: str, *steps: Any) -> str:
    """The place that these steps lead to from there (RFC 6901)."""
    return "/".join([place, *(str(step).replace("~", "~0").replace("/", "~1") for step in steps)])


def steps_of(place: str) -> list[str]:
    """The steps that lead to a place from `#`."""
    return [step.replace("~1", "/").replace("~0", "~") for step in place.split("/")[1:]]
