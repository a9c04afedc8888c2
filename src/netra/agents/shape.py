"""The border between JSON and the types of an agent's code. Pydantic stands here and is loaded when an agent is defined."""

from typing import Any, Final

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from netra.errors import InvalidInput
from netra.events.codec import encode
from netra.runs.payload import NotStorable, as_json

CANNOT_BE_DESCRIBED: Final = (PydanticSchemaGenerationError, PydanticUserError)
"""What `Shape` raises for an annotation that pydantic can make nothing of."""


class Shape:
    """A type, as it is read from JSON and written to it."""

    def __init__(self, annotation: Any) -> None:
        self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what `read` takes."""
        return self._adapter.json_schema()

    def read(self, plain: Any, what: str) -> Any:
        """Make the type of JSON data. Raises `InvalidInput`, which names the field within `what`."""
        try:
            return self._adapter.validate_json(encode(plain))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join([what, *map(str, first["loc"])])
            raise InvalidInput(f"{field}: {first['msg']}.", field=field) from None

    def write(self, value: Any, what: str) -> Any:
        """Make JSON data of a value of the type. Raises `NotStorable` when it is of another."""
        try:
            plain = self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error")
        except PydanticSerializationError as error:
            raise NotStorable(f"{what} is not what its annotation says: {_first_line(error)}", field=what) from None
        return as_json(plain, what)


def jsonable(value: Any, what: str) -> Any:
    """Make JSON data of anything that says by itself how: models, dataclasses, times, ids, plain types."""
    try:
        return to_jsonable_python(value, by_alias=True)
    except (PydanticSerializationError, ValueError) as error:
        raise NotStorable(f"{what} is not JSON: {_first_line(error)}", field=what) from None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
