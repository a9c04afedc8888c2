"""What was found last time, so that only what changed is read again, and nothing is analysed anew that means the same.

One file in a folder `.guard_cache` beside the code: path → when it was written, its size, the hash of its content, its facts.
A file whose time and size are the same is not even opened; one whose content is the same keeps its facts wherever it lies.
"""

import hashlib
import marshal
import os
import sys
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from netra.guard.facts import File, restored, stored
from netra.guard.source.moves import only_moved

FOLDER: Final = ".guard_cache"


class KnownFacts:
    """The facts of a file: as they are, for who has read it, and as they are stored; each is made of the other when it is
    first asked for.

    To a process that is sent them they come as they are, because that is what it will ask for: it makes them while others read.
    """

    __slots__ = ("_file", "_stored")

    def __init__(self, file: File | None = None, stored: bytes = b"") -> None:
        self._file = file
        self._stored = stored

    @property
    def file(self) -> File:
        if self._file is None:
            self._file = restored(marshal.loads(self._stored))  # noqa: S302 - made by ourselves, a moment ago or in the user's cache
        return self._file

    @property
    def stored(self) -> bytes:
        if not self._stored:
            self._stored = marshal.dumps(stored(self.file))
        return self._stored

    def __reduce__(self) -> tuple[Callable[[bytes], "KnownFacts"], tuple[bytes]]:
        return _received, (self.stored,)


def _received(raw: bytes) -> KnownFacts:
    return KnownFacts(restored(marshal.loads(raw)), raw)  # noqa: S302 - made by a copy of this process


class Entry(NamedTuple):
    """What is known of one file."""

    stamp: tuple[int, int]
    """When it was last written, in nanoseconds, and its size in bytes."""
    content: bytes
    """The hash of its content."""
    known: KnownFacts
    meaning: bytes
    """The hash of the content of which facts were first made that say the same, wherever their lines stand."""

    @property
    def facts(self) -> bytes:
        """Its facts, as they are stored."""
        return self.known.stored

    @property
    def file(self) -> File:
        """Its facts."""
        return self.known.file

    @property
    def plain(self) -> tuple[int, int, bytes, bytes, bytes]:
        """All of it, as `marshal` takes it."""
        return (*self.stamp, self.content, self.facts, self.meaning)

    @classmethod
    def of_plain(cls, raw: tuple[int, int, bytes, bytes, bytes]) -> "Entry":
        """What `plain` made, as an entry again."""
        written, size, content, facts, meaning = raw
        return cls((written, size), content, KnownFacts(stored=facts), meaning)

    @classmethod
    def after(cls, before: "Entry | None", stamp: tuple[int, int], content: bytes, known: KnownFacts) -> "Entry":
        """What is known of a file now. Where an edit changed no more than where facts stand, it means what it meant before."""
        same = before is not None and only_moved(before.facts, known.stored)
        return cls(stamp, content, known, before.meaning if before is not None and same else content)


class Cache:
    """The store of one folder. Without a folder it forgets everything."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._entries: dict[str, Any] = {}
        self._outcomes: dict[bytes, Any] = {}
        self._past: dict[str, bytes] | None = None
        if folder is not None:
            self._entries = self._load("facts")
            self._outcomes = self._load("outcomes")
        self._by_content = {each[2]: each[3] for each in self._entries.values()}

    def entry(self, path: Path, stamp: tuple[int, int]) -> Entry | None:
        """What is known of a file that was last written at this time with this size."""
        found = self._entries.get(str(path))
        return Entry.of_plain(found) if found is not None and (found[0], found[1]) == stamp else None

    def before(self, path: Path) -> Entry | None:
        """What was known of a file, whatever has become of it since."""
        found = self._entries.get(str(path))
        return None if found is None else Entry.of_plain(found)

    def facts(self, content: bytes) -> bytes | None:
        """The stored facts of whatever file has this content."""
        return self._by_content.get(content)

    def past(self, name: str) -> bytes | None:
        """The stored facts of a content that git knows by this name."""
        if self._past is None:
            self._past = {} if self._folder is None else self._load("past")
        return self._past.get(name)

    def keep_past(self, facts: Mapping[str, bytes]) -> None:
        """Remember what a revision that is compared with held, until another one is compared with."""
        if self._folder is not None and facts != self._past:
            self._past = dict(facts)
            self._save("past", self._past)

    def outcome(self, key: bytes) -> Any:
        """What the analysis of exactly these facts and settings gave, as plain values; None when it was never made."""
        return self._outcomes.get(key)

    def keep(self, entries: Mapping[str, Entry], key: bytes, outcome: Any) -> None:
        """Remember the files of this run, beside those of runs over other files, and its outcome."""
        self.keep_entries(entries)
        self.keep_outcome(key, outcome)

    def keep_entries(self, entries: Mapping[str, Entry]) -> None:
        """Remember the files of this run, beside those of runs over other files."""
        if self._folder is None:
            return
        changed = {path: plain for path, each in entries.items() if self._entries.get(path) != (plain := each.plain)}
        if changed:
            self._entries.update(changed)
            self._entries = {path: each for path, each in self._entries.items() if path in entries or Path(path).exists()}
            self._save("facts", self._entries)

    def keep_outcome(self, key: bytes, outcome: Any) -> None:
        """Remember what these facts and settings gave, beside what the newest few others gave."""
        if self._folder is not None and self._outcomes.get(key) != outcome:
            self._outcomes.pop(key, None)
            # The newest few are enough: one for each set of paths and options that somebody runs in turn.
            self._outcomes = dict([*self._outcomes.items(), (key, outcome)][-8:])
            self._save("outcomes", self._outcomes)

    def _file(self, name: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{name}-{sys.implementation.cache_tag}-{_version_of_facts()}"

    def _load(self, name: str) -> dict[Any, Any]:
        try:
            written = self._file(name).read_bytes()
        except OSError:
            return {}  # none yet
        if zlib.crc32(written[4:]) != int.from_bytes(written[:4]):
            return {}  # cut off, or spoilt in some other way: it is only a cache, and `marshal` takes anything for granted
        loaded: dict[Any, Any] = marshal.loads(written[4:])  # noqa: S302 - our own file, in the user's own folder
        return loaded

    def _save(self, name: str, values: dict[Any, Any]) -> None:
        file = self._file(name)
        part = file.with_name(f"{file.name}.{os.getpid()}")
        # A folder that cannot be written costs time, nothing else.
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            (file.parent / ".gitignore").write_text("*\n", "utf-8")
            written = marshal.dumps(values)
            part.write_bytes(zlib.crc32(written).to_bytes(4) + written)
            part.replace(file)


def stamp(path: Path) -> tuple[int, int]:
    """When a file was last written, in nanoseconds, and its size in bytes; (0, 0) for one that is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


HERE: Final = Path(__file__).parents[1]
"""Guard itself, all of it."""


def _version_of_facts() -> str:
    """Changes with the code that makes facts: what an older guard stored is not read by this one."""
    hashed = hashlib.blake2b(digest_size=6)
    for name in (
        "source/cache",
        "facts",
        "source/collector",
        "source/expressions",
        "source/frames",
        "source/endings",
        "source/branching",
        "source/skipping",
        "source/scoping",
        "source/files",
        "source/parsing",
        "source/waivers",
        "source/newer",
        "source/formatted",
        "source/moves",
        "source/walking",
    ):
        hashed.update((HERE / f"{name}.py").read_bytes())
    return hashed.hexdigest()


def own_version() -> bytes:
    """Changes with any file of guard: what an older guard concluded is not what this one would."""
    hashed = hashlib.blake2b(digest_size=16)
    for path in sorted(HERE.rglob("*")):
        if path.suffix in {".py", ".model"}:
            hashed.update(f"{path.name} {stamp(path)}".encode())
    return hashed.digest()
