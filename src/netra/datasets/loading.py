"""A dataset's folder while it is filled: how far it is, for its owner to see, and whether somebody still fills it.

The folder is locked by the process that fills it, and such a lock ends with its process, however that ends. So what nobody
holds is what a crash left: it is shown to nobody, and the sweep removes it. It has another name until its files are whole,
and says how far it is until its row is there: a dataset is loading, or whole, or not there.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self, get_args

from netra.ids import DatasetId, parse_uuid

ORIGINAL, ROWS, PARTIAL, PROGRESS = "original", "rows.parquet", ".partial", "progress.json"
SAID_EVERY: Final = 0.25
"""Seconds between two words of progress that reach the disk: often enough for a bar, too seldom to cost anything."""

Stage = Literal["receiving", "waiting", "reading", "writing"]
"""The file comes in; other imports are before this one; its records are read; the canonical file is written."""


@dataclass(frozen=True, slots=True)
class LoadingDataset:
    """A dataset that is on its way."""

    id: DatasetId
    name: str
    stage: Stage
    began_at: datetime
    received: int = 0
    """Bytes of the file that are here by now."""
    records: int = 0
    """Read by now, whatever becomes of them."""
    share: float = 0.0
    """Of the file that is read, from 0 to 1."""

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """What `written` wrote. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
        values = json.loads(text)
        dataset_id = parse_uuid(values.pop("id"))
        if dataset_id is None or values["stage"] not in get_args(Stage):
            raise ValueError("this is no dataset that is loading")
        return cls(**values | {"id": DatasetId(dataset_id), "began_at": datetime.fromisoformat(values["began_at"])})

    def written(self) -> bytes:
        """As it stands in its folder."""
        return json.dumps(asdict(self) | {"id": str(self.id), "began_at": self.began_at.isoformat()}).encode()


Tell = Callable[[LoadingDataset], None]


class LoadingFolder:
    """The folder of one dataset that this process fills. Every method blocks, and is called in a thread."""

    def __init__(self, folder: Path, loading: LoadingDataset, tell: Tell) -> None:
        """`folder` is what it will be in the end; `tell` hears what its owner can see."""
        self._folder = folder
        self.partial = folder.with_name(folder.name + PARTIAL)
        """What it is until its files are whole."""
        self._loading = loading
        self._tell = tell
        self._said_at = float("-inf")
        self._lock: int | None = None

    def begin(self) -> None:
        """Make it, and hold it."""
        self.partial.mkdir(mode=0o700, parents=True)
        self._lock = os.open(self.partial, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)  # only somebody who just looks can be before us, and is gone at once
        self.say(self._loading.stage)

    def say(self, stage: Stage, *, received: int | None = None, records: int | None = None, share: float | None = None) -> None:
        """How far it is."""
        known, now = self._loading, time.monotonic()
        self._loading = replace(
            known,
            stage=stage,
            received=known.received if received is None else received,
            records=known.records if records is None else records,
            share=known.share if share is None else share,
        )
        if stage == known.stage and now - self._said_at < SAID_EVERY:
            return
        self._said_at = now
        new = self.partial / f"{PROGRESS}.new"
        new.write_bytes(self._loading.written())
        new.replace(self.partial / PROGRESS)
        self._tell(self._loading)

    def publish(self) -> None:
        """Make the files durable, then give the folder its name. From here on it is the sweep's if its row never comes."""
        for path in (self.partial / ORIGINAL, self.partial / ROWS, self.partial):
            _sync(path)
        self.partial.rename(self._folder)
        _sync(self._folder.parent)

    def end(self) -> None:
        """Let go of it; remove what is not published."""
        shutil.rmtree(self.partial, ignore_errors=True)
        with suppress(OSError):  # it says nothing any more once the lock is gone, and why there is no folder is known already
            (self._folder / PROGRESS).unlink()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def find_loading(folder: Path) -> LoadingDataset | None:
    """The dataset that is on its way to `folder`; None when nobody is filling it. Blocks."""
    for path in (folder.with_name(folder.name + PARTIAL), folder):
        if (loading := _read(path)) is not None:
            return loading
    return None


def list_loading(owner: Path) -> Iterator[LoadingDataset]:
    """The datasets that are on their way in a user's folder. Blocks."""
    for path in owner.glob(f"*/{PROGRESS}"):
        if (loading := _read(path.parent)) is not None:
            yield loading


def is_held(folder: Path) -> bool:
    """Whether a process is filling the folder. Blocks for no longer than a look takes."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _read(folder: Path) -> LoadingDataset | None:
    try:
        text = (folder / PROGRESS).read_bytes()
        return LoadingDataset.parse(text) if is_held(folder) else None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None  # it has just ended, or is not ours


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
