"""A disk that is small enough to be filled: a tmpfs of its own, where this machine lets us mount one. Blocking."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from netra.prove.answers import NotSupported

SIZE: Final = 256
"""Mebibytes: enough for an empty database with its log of writes, and little enough to be filled in a moment."""
PIECE: Final = bytes(1 << 20)


class SmallDisk:
    """A folder on a disk of its own. Open it with `SmallDisk.mounted`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    @classmethod
    @contextmanager
    def mounted(cls) -> Iterator["SmallDisk"]:
        """Mount it for the length of the block. Raises `NotSupported` where that is not permitted, or not possible."""
        with tempfile.TemporaryDirectory(prefix="netra-prove-disk-") as folder:
            _run("mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=0755", "netra-prove", folder)
            try:
                yield cls(Path(folder))
            finally:
                _run("umount", "--lazy", folder)

    def fill(self) -> int:
        """Take all the room that there is. Returns how many bytes that was."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while filler.write(PIECE):
                pass
        return self._filler.stat().st_size

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    except FileNotFoundError as error:
        raise NotSupported(f"there is no {command[0]} on this machine") from error
    except subprocess.CalledProcessError as error:
        raise NotSupported(f"a small disk cannot be had: {error.stderr.strip()}") from error
