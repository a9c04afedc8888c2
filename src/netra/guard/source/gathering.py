"""From paths to a linked program: what is cached is taken, the rest is read by several processes."""

import gc
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from netra.guard.facts import File
from netra.guard.lazily import lazily
from netra.guard.program import Program
from netra.guard.source import files, forking
from netra.guard.source.cache import Cache, Entry, KnownFacts, own_version, stamp
from netra.guard.source.installed import Installed
from netra.guard.source.modelled import needed_models
from netra.guard.source.naming import module_names
from netra.guard.source.roots import Beginnings, beginnings
from netra.guard.symbols import ModuleSymbol

# Starting a process costs about as much as reading this many files.
FEW: Final = 64


class Gathered:
    """The files of a run, and what identifies all that they mean."""

    def __init__(
        self,
        entries: dict[Path, Entry],
        key: bytes,
        cache: Cache,
        jobs: int,
        say: Callable[[str], None],
        paths: Sequence[Path] = (),
    ) -> None:
        self.entries = entries
        self._paths = paths
        self.key = key
        self._cache = cache
        self._jobs = jobs
        self._say = say
        self.installed: dict[Path, Entry] = {}
        """Files of packages that have been read beside the program."""
        self.models: dict[Path, Entry] = {}
        """Models of libraries that have been read with it."""

    @property
    def modules(self) -> list[ModuleSymbol]:
        """Each file as a module, its path relative to the working directory where it lies below it; with the models that it
        needs.
        """
        here = Path.cwd()
        found: list[ModuleSymbol] = []
        names = module_names(self.entries, *self.beginnings)
        for path, entry in self.entries.items():
            called = names[path]
            where = shown(path, here)
            found.append(
                ModuleSymbol(called.name, where, entry.file, called.package, digest=entry.content, apart_by=called.apart_by)
            )
        models = needed_models(found, self.read_models)
        found += [ModuleSymbol(path.stem, str(path), file, False, library=True) for path, file in models.items()]
        return found

    @lazily
    def beginnings(self) -> Beginnings:
        """Where names of modules begin: here, in folders that lie elsewhere, and where the imports of the program tell."""
        here = Path.cwd()
        # A folder that lies elsewhere is where its program begins: what it is said to hold does not depend on who asks.
        elsewhere = [path for path in self._paths if path.is_dir() and not path.resolve().is_relative_to(here)]
        return beginnings({path: entry.file for path, entry in self.entries.items()}, [here, *elsewhere])

    def read_models(self, paths: Sequence[Path]) -> dict[Path, File]:
        """The facts of these models of libraries."""
        found = _known(paths, self._cache, self._jobs, self._say)
        self.models.update(found)
        return {path: entry.file for path, entry in found.items()}

    @property
    def own(self) -> dict[str, Entry]:
        """The program's own files, as findings show their paths."""
        here = Path.cwd()
        return {shown(path, here): entry for path, entry in self.entries.items()}

    @property
    def passed_over(self) -> tuple[str, ...]:
        """The program's files that are larger than guard reads, by their paths as findings show them."""
        return tuple(path for path, entry in self.own.items() if entry.stamp[1] > files.LARGEST)

    @property
    def read(self) -> dict[Path, Entry]:
        """All that has been read: the program, models of libraries, and files of packages."""
        return self.entries | self.models | self.installed

    def beside(self, modules: Sequence[ModuleSymbol], packages: Sequence[Path]) -> list[ModuleSymbol]:
        """What the modules of the program import out of these folders of packages."""

        def read(paths: Sequence[Path]) -> Iterator[tuple[Path, File]]:
            found = _known(paths, self._cache, self._jobs, self._say)
            self.installed.update(found)
            for path, entry in found.items():
                yield path, entry.file

        return Installed(packages, read).needed(modules)


def shown(path: Path, here: Path) -> str:
    """A path as findings show it: relative to the working directory, with slashes, where it lies below it."""
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def gather(
    paths: Sequence[Path],
    cache: Cache,
    *,
    jobs: int = 0,
    exclude: Iterable[str] = (),
    say: Callable[[str], None] = forking.nobody,
    meanwhile: Callable[[], object] | None = None,
) -> Gathered:
    """Read every file below the paths. `jobs`: processes; 0 takes one for each processor.

    `say` is told now and then how far it is. `meanwhile` is done by this process while others read, if there are any.
    """
    leave_out = tuple(exclude)
    found = [path for path in files.find(paths) if not any(path.match(each) for each in leave_out)]
    in_order = _known(found, cache, jobs, say, meanwhile)
    hashed = hashlib.blake2b(own_version(), digest_size=16)
    for path, entry in in_order.items():
        hashed.update(f"{path}\0".encode("utf-8", "surrogateescape") + entry.meaning)
    return Gathered(in_order, hashed.digest(), cache, jobs, say, paths)


def _known(
    paths: Sequence[Path],
    cache: Cache,
    jobs: int,
    say: Callable[[str], None],
    meanwhile: Callable[[], object] | None = None,
) -> dict[Path, Entry]:
    """The facts of files, in their order, from the cache where it has them."""
    entries: dict[Path, Entry] = {}
    unread: list[tuple[Path, tuple[int, int]]] = []
    for path in paths:
        written = stamp(path)
        known = cache.entry(path.absolute(), written)
        if known is not None:
            entries[path] = known
        else:
            unread.append((path, written))
    entries.update(_read(unread, cache, jobs or os.cpu_count() or 1, say, meanwhile))
    return {path: entries[path] for path in paths}


def _read(
    unread: list[tuple[Path, tuple[int, int]]],
    cache: Cache,
    jobs: int,
    say: Callable[[str], None],
    meanwhile: Callable[[], object] | None,
) -> dict[Path, Entry]:
    # The largest first, so that no process is left with one when the others are done.
    order = sorted(unread, key=lambda each: -each[1][1])
    paths = [path for path, _ in order]
    if jobs > 1 and len(unread) >= FEW and not forking.possible():
        from concurrent.futures import ProcessPoolExecutor  # it imports what no other system needs

        with ProcessPoolExecutor(jobs, initializer=gc.disable) as pool:
            results = list(pool.map(_facts, paths, chunksize=8))
    else:
        pieces = _pieces(paths)
        done = forking.spread(
            len(pieces),
            lambda number: [_facts(path, cache.facts) for path in pieces[number]],
            jobs if len(unread) >= FEW else 1,
            lambda number: say(f"reading {number * len(pieces[0]):,} of {len(paths):,} files"),
            meanwhile,
            apart=True,  # facts that lie between what is left of syntax trees are read a twentieth slower, by all rules
        )
        results = [each for piece in done for each in piece]
    return {
        path: Entry.after(cache.before(path.absolute()), written, content, known)
        for (path, written), (content, known) in zip(order, results, strict=True)
    }


def _pieces(paths: list[Path]) -> list[list[Path]]:
    """Small enough that processes end together, large enough that handing them out costs nothing."""
    size = 4 + len(paths) // forking.MOST
    return [paths[first : first + size] for first in range(0, len(paths), size)]


def _facts(path: Path, known: Callable[[bytes], bytes | None] | None = None) -> tuple[bytes, KnownFacts]:
    read = files.read(path)
    content = files.digest(read.content or read.refusal.encode())
    kept = known(content) if known is not None else None
    return content, KnownFacts(stored=kept) if kept else KnownFacts(files.understand(read))


def linked(modules: Iterable[ModuleSymbol]) -> Program:
    """The modules as a program."""
    return Program(modules)
