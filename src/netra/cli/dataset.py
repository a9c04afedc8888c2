"""`netra dataset`: usage logs that are too large, or too many, to send through a browser."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from netra.cli.installation import DatabaseUrl, DataDir, Installation, operate
from netra.cli.progress import progress
from netra.datasets.importer import FORMATS
from netra.datasets.loading import LoadingDataset
from netra.datasets.mapping import read_mapping
from netra.datasets.offload import in_thread
from netra.datasets.store import DatasetInfo

CHUNK: Final = 1 << 20
SHOWN: Final = 10
"""Rows that could not be used and are shown; the dataset keeps more of them."""

app = typer.Typer(name="dataset", help="Bring usage logs in for a user.", no_args_is_help=True)


@app.callback()
def _dataset() -> None:
    """Bring usage logs in for a user."""


@app.command("import")
def import_dataset(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The usage log.", exists=True, dir_okay=False, readable=True)],
    user: Annotated[str, typer.Option("--user", metavar="EMAIL", help="Whose it will be.")],
    name: Annotated[str | None, typer.Option(help="What to call it; the file's own name by default.")] = None,
    file_format: Annotated[str | None, typer.Option("--format", help=f"{', '.join(FORMATS)}; recognised by default.")] = None,
    mapping: Annotated[str | None, typer.Option(help="JSON: canonical column to source column, or to null.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the dataset as one JSON object, and no progress.")] = False,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Import a usage log, as an upload of that user would: the file is copied, and all of it is kept or nothing.

    Its owner sees it at once, at /api/datasets. A server may be running meanwhile, or not.

    netra dataset import usage.csv --user carol@example.com
    """
    size = file.stat().st_size

    async def work(installation: Installation) -> DatasetInfo:
        owner = await installation.sign_in.accounts.find(user)
        with progress(file.name, 2 * size, quiet=as_json, counted=False) as advance:
            # The file is gone through twice: once it is copied, once it is read.
            def tell(loading: LoadingDataset) -> None:
                advance(loading.received + round(loading.share * size), _words(loading, size))

            return await installation.datasets.create(
                owner.user_id, name or file.name, _chunks(file), file_format, read_mapping(mapping), tell=tell
            )

    imported = operate(work, database_url, data_dir)
    typer.echo(json.dumps(described(imported), ensure_ascii=False) if as_json else "\n".join(lines(imported)))


def lines(imported: DatasetInfo) -> list[str]:
    """What has come of an import, for people."""
    problems = imported.problems[:SHOWN]
    more = imported.rejected - len(problems)
    return [
        f"imported: {imported.name}  {imported.format}  {imported.rows:,} rows  {imported.rejected:,} not taken  {imported.id}",
        *(f"  {note}" for note in imported.notes),
        *(f"  line {each['line']}: {each['field']}: {each['reason']}{_standing(each['value'])}" for each in problems),
        *([f"  and {more:,} more"] if more and problems else []),
    ]


def described(imported: DatasetInfo) -> dict[str, Any]:
    """The same for programs."""
    times = {name: at and at.isoformat() for name in ("first_at", "last_at", "created_at") for at in [getattr(imported, name)]}
    return {**asdict(imported), **times, "id": str(imported.id)}


def _words(loading: LoadingDataset, size: int) -> str:
    if loading.stage == "receiving":
        return f"copying: {loading.received:,} of {size:,} bytes"
    return f"{loading.stage}: {loading.records:,} records"


def _standing(value: str | None) -> str:
    return "" if value is None else f": {value!r}"


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while chunk := await in_thread(opened.read, CHUNK):
            yield chunk
