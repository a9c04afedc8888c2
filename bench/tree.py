"""A large program that others wrote, for whoever checks code.

It is made of published packages, pinned with their hashes. They are installed into a folder of this user's cache, once for each
content of the lock file, and only read there.
"""

import hashlib
import shutil
import subprocess
import sys
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
        where: list[str | Path] = ["--python", sys.executable, "--target", folder, "--no-deps"]
        # With the environment as it is: it may say where packages come from.
        subprocess.run([UV, "pip", "install", "--quiet", "--require-hashes", *where, "--requirement", lock], check=True)
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
