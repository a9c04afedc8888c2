"""`generate_synthetic_data`: rows made up to fit a schema, as a file of their user's own."""

import asyncio
import itertools
import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import uuid5

from pydantic import Field

from netra.datasets.artifacts import LARGEST_ARTIFACT, Artifacts, ArtifactTooLarge, checked_name
from netra.datasets.offload import in_thread
from netra.events.codec import encode
from netra.ids import ArtifactId
from netra.tools.rendering import MEDIA_TYPES, FileFormat, rendered
from netra.tools.tool import Call, Tool, tool

MOST_ROWS: Final = 10_000

TIME_LIMIT: Final = 120.0
"""Seconds, with the time that others' data are made first."""

AT_ONCE: Final = 2
"""Files that one process makes at a time. It is work for the processor, of which all share one interpreter."""

PREVIEW_ROWS: Final = 10
PREVIEW_BYTES: Final = 64 * 1024
"""As JSON; rows that are larger are left out of the preview."""


def synthetic_tools(artifacts: Artifacts) -> Sequence[Tool]:
    """The tool, for a server that keeps files there."""
    turns = asyncio.Semaphore(AT_ONCE)

    @tool("generate_synthetic_data", category="data", permission="data_management", time_limit=TIME_LIMIT)
    async def generate_synthetic_data(
        call: Call,
        schema: Annotated[dict[str, Any], Field(description="JSON Schema (2020-12) of one row, which is an object.")],
        rows: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 100,
        seed: Annotated[
            int, Field(ge=-(2**63), lt=2**63, description="The same schema, rows and seed give the same file, byte for byte.")
        ] = 0,
        format: Annotated[FileFormat, Field(description="`json` is one array, `jsonl` one object a line.")] = "csv",  # noqa: A002 - the argument's own word
        name: Annotated[str, Field(max_length=100, description="What to call the file.")] = "rows",
    ) -> dict[str, Any]:
        """Make up to 10,000 rows that fit a JSON Schema, and keep them as a file that you can download."""
        name = checked_name(name.removesuffix(f".{format}"), "arguments.name")
        stop = threading.Event()
        async with turns:
            columns, preview, body = await in_thread(_make, schema, rows, seed, format, stop, interrupt=stop.set)
        artifact_id = ArtifactId(uuid5(call.id, "artifact"))
        kept = await artifacts.add(
            call.user_id, artifact_id, f"{name}.{format}", MEDIA_TYPES[format], "generate_synthetic_data", body
        )
        return {
            "artifact_id": kept.id,
            "name": kept.name,
            "rows": rows,
            "columns": columns,
            "seed": seed,
            "bytes": kept.bytes,
            "sha256": kept.sha256,
            "preview": preview,
            "download": f"/api/artifacts/{kept.id}",
        }

    return (generate_synthetic_data,)


def _make(
    schema: Mapping[str, Any], count: int, seed: int, file_format: FileFormat, stop: threading.Event
) -> tuple[list[str], list[Any], bytes]:
    """Columns, the first rows, and the file. Raises `SchemaRefused`, `ArtifactTooLarge`, or `Stopped` once `stop` is set."""
    # Judging schemas takes long to import, and most servers never do it.
    from netra.tools.synthesis import Recipe

    recipe = Recipe(schema, stop)
    rows = recipe.rows(count, seed)
    first = list(itertools.islice(rows, PREVIEW_ROWS))
    pieces, size = [], 0
    for piece in rendered(itertools.chain(first, rows), recipe.columns, file_format):
        pieces.append(piece.encode())
        size += len(pieces[-1])
        if size > LARGEST_ARTIFACT:
            raise ArtifactTooLarge(f"The rows take more than {LARGEST_ARTIFACT:,} bytes; ask for fewer, or for smaller ones.")
    preview: list[Any] = []
    room = PREVIEW_BYTES
    for row in first:
        room -= len(encode(row))
        if room < 0:
            break
        preview.append(row)
    return list(recipe.columns), preview, b"".join(pieces)
