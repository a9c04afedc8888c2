"""The program as it was at an earlier revision, read out of git without touching the working tree."""

import marshal
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from netra.guard.facts import restored, stored
from netra.guard.lazily import lazily
from netra.guard.program import Program
from netra.guard.source import files
from netra.guard.source.cache import Cache
from netra.guard.source.gathering import shown
from netra.guard.source.git import Repository, RevisionUnknown
from netra.guard.source.modelled import ReadModels, needed_models
from netra.guard.source.naming import module_names
from netra.guard.source.releases import releases, settled, version_in
from netra.guard.source.roots import Beginnings
from netra.guard.symbols import ModuleSymbol


class Past:
    """A program as it was, and as the releases around that revision had it, each read when a rule first asks for it."""

    def __init__(
        self,
        program: Program,
        named: str = "before",
        released: Callable[[], Program] | None = None,
        settled: Callable[[], Program | None] | None = None,
    ) -> None:
        self.program = program
        self.named = named
        """The revision, as it was asked for."""
        self._released = released
        self._settled = settled

    @lazily
    def released(self) -> Program:
        """What users had: the last release at or before the revision; where there are no releases, the revision itself."""
        return self._released() if self._released is not None else self.program

    @lazily
    def settled(self) -> Program | None:
        """The last release of a minor version that is over: what was deprecated there may leave. None: there is none."""
        return self._settled() if self._settled is not None else self.program


def last_release(path: Path) -> str | None:
    """The tag of the last release that led to what is checked out; None when there is none yet. Raises RevisionUnknown."""
    repository = Repository(path)
    found = releases(repository.tags(repository.commit("HEAD")))
    return found[-1].tag if found else None


class Timeline:
    """The files below some paths at any revision of their repository.

    `now` are the modules of today. Those that a revision holds unchanged are the very same objects in its program, so what is
    the same need not be compared. Raises RevisionUnknown when the paths lie in no repository, or in several.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        now: Iterable[ModuleSymbol],
        cache: Cache | None = None,
        exclude: Iterable[str] = (),
        read_models: ReadModels = lambda _: {},
        beginnings: Beginnings | None = None,
    ) -> None:
        self._read_models = read_models
        self._beginnings = beginnings or Beginnings((Path.cwd(),))
        self._repository = Repository(paths[0])
        self._cache = cache or Cache(None)
        self._exclude = tuple(exclude)
        self._here = Path.cwd()
        self._top = self._repository.top.resolve()
        self._below: dict[str, Path] = {}
        for path in paths:
            real = path.resolve()
            if not real.is_relative_to(self._top):
                raise RevisionUnknown(f"{path} lies outside the repository at {self._repository.top}")
            self._below[real.relative_to(self._top).as_posix()] = path
        self._read: dict[str, bytes] = {}
        self._libraries: list[ModuleSymbol] = []
        self._now: dict[str, ModuleSymbol] = {}
        for module in now:
            if module.library:
                self._libraries.append(module)
            else:
                self._now[module.path] = module

    def past(self, revision: str) -> Past:
        """The program at a revision. Raises RevisionUnknown."""
        commit = self._repository.commit(revision)

        def released() -> Program:
            found = releases(self._repository.tags(commit))
            return self.program(self._repository.commit(found[-1].tag)) if found else program

        def over() -> Program | None:
            version = self._version_now()
            found = releases(self._repository.tags("HEAD"))
            if found:
                last = settled(found, version)
                return None if last is None else self.program(self._repository.commit(last.tag))
            then = self._version_at(commit)
            return None if then is not None and version is not None and then[:2] >= version[:2] else program

        program = self.program(commit)
        return Past(program, revision, released, over)

    def program(self, commit: str) -> Program:
        """The program as a commit has it. Only what is not the same today is read, and only what no earlier run has read."""
        held = self._repository.files(commit, self._below)
        changed = self._repository.changed(commit)
        paths = {name: path for name in held if (path := self._path(name, gone=name in changed)) is not None}
        names = module_names(paths.values(), *self._beginnings)
        facts = self._facts({held[name] for name in paths if name in changed})
        modules = []
        for name, path in paths.items():
            called = names[path]
            where = shown(path, self._here)
            today = self._now.get(where)
            if name not in changed and today is not None:
                same = (today.name, today.package, today.apart_by) == called
                modules.append(today if same else replace(today, **called._asdict(), _functions={}, _classes={}))
            elif name in changed:
                file = restored(marshal.loads(facts[held[name]]))  # noqa: S302 - made by ourselves, a moment ago or in the user's cache
                modules.append(ModuleSymbol(called.name, where, file, called.package, apart_by=called.apart_by))
        # It may have imported what the program of today does not.
        known = {module.path for module in self._libraries}
        models = needed_models(modules, self._read_models)
        more = [
            ModuleSymbol(path.stem, str(path), file, False, library=True)
            for path, file in models.items()
            if str(path) not in known
        ]
        return Program([*modules, *self._libraries, *more])

    def _path(self, name: str, *, gone: bool) -> Path | None:
        """Where a file of a commit lies, written as the paths of today are; None when guard would not look at it."""
        for below, path in self._below.items():
            if name == below:
                return path
            if below == "." or name.startswith(f"{below}/"):
                inner = PurePath(name).relative_to(below)
                found = path / inner
                if shown(found, self._here) in self._now:
                    return found
                left_out = not files.SKIPPED.isdisjoint(inner.parts) or any(found.match(each) for each in self._exclude)
                # A file that is still there and not part of the program today was not part of it then.
                return found if gone and not left_out and not found.exists() else None
        return None

    def _facts(self, names: set[str]) -> dict[str, bytes]:
        self._read.update({name: facts for name in names if (facts := self._cache.past(name)) is not None})
        contents = self._repository.contents(sorted(names - self._read.keys()))
        for name, content in contents.items():
            digest = files.digest(content)
            self._read[name] = self._cache.facts(digest) or marshal.dumps(stored(files.understand(files.taken(content))))
        self._cache.keep_past(self._read)
        return self._read

    def _version_now(self) -> tuple[int, int, int] | None:
        for folder in self._folders():
            if (file := self._top / folder / "pyproject.toml").is_file():
                return version_in(file.read_text("utf-8", "replace"))
        return None

    def _version_at(self, commit: str) -> tuple[int, int, int] | None:
        for folder in self._folders():
            if text := self._repository.text(commit, (folder / "pyproject.toml").as_posix()):
                return version_in(text)
        return None

    def _folders(self) -> list[PurePath]:
        """The first path and all above it up to the top of the repository."""
        first = PurePath(next(iter(self._below)))
        return [first, *first.parents]
