"""The border between JSON and the types of an agent's code. Pydantic stands here and is loaded when an agent is defined."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from netra.clock import Clock
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


@dataclass(frozen=True, slots=True)
class _KeptShape:
    shape: Shape
    made_at: float
    """Seconds on the cache's clock."""


class ShapeCache:
    """Shapes of the types that agents ask for while they run, the least recently used of them forgotten first.

    A shape is made of a type, and holds nothing of what is read by it. Bounded all the same: a type may be made in a run.
    """

    def __init__(self, clock: Clock, *, size: int, lifetime: float) -> None:
        """`size` in shapes, 0 keeps none; `lifetime` in seconds, after which one is made anew."""
        self._clock = clock
        self._size = size
        self._lifetime = lifetime
        self._kept: dict[tuple[Any, str], _KeptShape] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, annotation: Any) -> Shape:
        """The shape of a type. Raises what `Shape` raises."""
        # Two unions of the same types are equal, and read differently when their order is another: so the text counts, too.
        key = (annotation, repr(annotation))
        try:
            hash(key)
        except TypeError:  # something that is annotated with a list, say
            return Shape(annotation)
        kept = self._kept.pop(key, None)
        now = self._clock.monotonic()
        if kept is None or now - kept.made_at >= self._lifetime:
            kept = _KeptShape(Shape(annotation), now)
        self._kept[key] = kept
        while len(self._kept) > self._size:
            del self._kept[next(iter(self._kept))]
        return kept.shape


def jsonable(value: Any, what: str) -> Any:
    """Make JSON data of anything that says by itself how: models, dataclasses, times, ids, plain types."""
    try:
        return to_jsonable_python(value, by_alias=True)
    except (PydanticSerializationError, ValueError) as error:
        raise NotStorable(f"{what} is not JSON: {_first_line(error)}", field=what) from None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
