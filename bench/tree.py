"""A large program that others wrote, for whoever checks code, and the tools that are measured beside guard.

Both are published packages, pinned with their hashes. They are installed into a folder of this user's cache, once for each
content of the lock file, and only read there.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

LOCKS = Path(__file__).with_name("requirements")
CACHE = Path.home() / ".cache" / "netra-bench"
# Stands in a folder that nobody interrupted while it was filled.
WHOLE = ".whole"

UV = Path(sys.executable).with_name("uv")


def _folder(lock: Path) -> Path:
    return CACHE / f"{lock.stem}-{hashlib.blake2b(lock.read_bytes(), digest_size=6).hexdigest()}"


def installed() -> Path:
    """The folder that holds the packages of the tree, without anything that they need to run."""
    lock = LOCKS / "tree.lock"
    folder = _folder(lock)
    if not (folder / WHOLE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        _install(lock, "--python", sys.executable, "--target", folder, "--no-deps")
        (folder / WHOLE).touch()
    return folder


def copied(to: Path) -> Path:
    """The tree's sources alone, in a folder of their own that may be changed."""
    source = installed()
    for path in source.rglob("*.py"):
        target = to / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return to


def checkers() -> Path:
    """The folder with the commands of the other checkers, an environment of their own."""
    lock = LOCKS / "checkers.lock"
    folder = _folder(lock)
    if not (folder / WHOLE).exists():
        venv.create(folder, clear=True)
        _install(lock, "--python", folder / "bin" / "python")
        (folder / WHOLE).touch()
    return folder / "bin"


def _install(lock: Path, *options: str | Path) -> None:
    # With the environment as it is: it may say where packages come from.
    subprocess.run([UV, "pip", "install", "--quiet", "--require-hashes", *options, "--requirement", lock], check=True)
