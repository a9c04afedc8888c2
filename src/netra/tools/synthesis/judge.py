"""Who tells whether a value fits: `jsonschema`, kept from the network and from patterns that take for ever.

Patterns are matched by Rust's engine, through pydantic, which takes linear time; `re` can be made to take for ever, holding
every thread.
"""

from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing.jsonschema import EMPTY_REGISTRY

from netra.tools.pattern import UNREADABLE, PatternRefused

MOST_PATTERNS: Final = 20
"""Each may take a few mebibytes while it is matched."""


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


def judge_of(schema: Any, patterns: Patterns) -> Any:
    """A validator for this schema, and by `evolve` for any part of it; what it matches is kept in `patterns`."""
    dialect: Any = extend(Draft202012Validator, {"pattern": patterns.match})  # type: ignore[no-untyped-call]
    return dialect(schema, registry=EMPTY_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER)
