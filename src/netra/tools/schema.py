"""Arguments of other servers' tools, held against the JSON Schema that the server gave.

A schema is a program of somebody else's. What it can do here is bounded: nothing is fetched for it, none of its regular
expressions is run (one can take for ever, and would keep the event loop meanwhile), and a check that becomes long is given
up. What is left out here the server checks itself, for it is called with what was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from netra.errors import InvalidInput
from netra.events.codec import encode
from netra.protocols.value import objection
from netra.tools.tool import InvalidTool, Reader

LARGEST_SCHEMA: Final = 64 * 1024
"""Bytes of one tool's schema."""

MOST_REFERENCES: Final = 5_000
"""References that are followed in one check. A few of them that name each other twice are a tree without end."""

LONGEST: Final = 500
"""Characters of a complaint; it may quote what was given."""


class TooLong(Exception):
    """The check has become too long to be made here."""


@dataclass(slots=True)
class References:
    """How many may still be followed in this check."""

    left: int = MOST_REFERENCES


def reader_of(tool: str, schema: Mapping[str, Any]) -> Reader:
    """The reader of a tool's arguments. Raises `InvalidTool` for a schema that cannot be used."""
    if (words := objection(schema)) is not None:
        raise InvalidTool(f"the schema of {tool} {words}.")
    if len(encode(schema)) > LARGEST_SCHEMA:
        raise InvalidTool(f"the schema of {tool} has more than {LARGEST_SCHEMA:,} bytes.")
    dialect: Any = validator_for(schema, default=Draft202012Validator)
    try:
        dialect.check_schema(schema)
    except (SchemaError, RecursionError):
        raise InvalidTool(f"the schema of {tool} is no JSON Schema.") from None
    followed = References()
    validator = _bounded(dialect, followed)(schema, registry=Registry())  # an empty registry fetches nothing

    def read(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if (words := objection(arguments)) is not None:
            raise InvalidInput(f"The arguments {words}.", field="arguments")
        followed.left = MOST_REFERENCES
        try:
            error = next(validator.iter_errors(arguments), None)
        except (Unresolvable, TooLong, RecursionError):
            error = None
        if error is not None:
            field = ".".join(["arguments", *map(str, error.absolute_path)])
            raise InvalidInput(f"{field}: {error.message[:LONGEST]}.", field=field)
        return arguments

    return read


def _bounded(dialect: Any, followed: References) -> Any:
    """The dialect without what could take for ever."""
    known = dialect.VALIDATORS

    def follow(keyword: str) -> Any:
        def count(validator: Any, reference: Any, instance: Any, schema: Any) -> Any:
            followed.left -= 1
            if followed.left < 0:
                raise TooLong
            return known[keyword](validator, reference, instance, schema)

        return count

    def additional(validator: Any, keyword: Any, instance: Any, schema: Any) -> Any:
        if "patternProperties" in schema:
            return None
        return known["additionalProperties"](validator, keyword, instance, schema)

    replaced = {
        **dict.fromkeys(("pattern", "patternProperties", "unevaluatedProperties", "uniqueItems"), _leave),
        "additionalProperties": additional,
        **{keyword: follow(keyword) for keyword in ("$ref", "$dynamicRef", "$recursiveRef")},
    }
    return extend(  # type: ignore[no-untyped-call]
        dialect, {keyword: check for keyword, check in replaced.items() if keyword in known}
    )


def _leave(validator: Any, keyword: Any, instance: Any, schema: Any) -> None:
    """Leave this keyword to the server."""
