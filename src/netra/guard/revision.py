"""The program as it was at an earlier revision, read out of git without touching the working tree."""

import io
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from netra.guard import source
from netra.guard.program import ModuleSymbol, Program


class RevisionUnknown(Exception):
    """Git does not know the revision, or there is no git here."""


def earlier(revision: str, now: Iterable[ModuleSymbol]) -> Program:
    """The same files at a revision. A file whose content is the same keeps its facts. Raises RevisionUnknown."""
    modules = list(now)
    top = Path(_git("rev-parse", "--show-toplevel").decode().strip())
    commit = _git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    here = Path.cwd()
    wanted = {}
    for module in modules:
        path = (here / module.path).resolve()
        if not module.library and path.is_relative_to(top):
            wanted[path.relative_to(top).as_posix()] = module
    contents = _contents(commit, top, wanted)
    return Program(_as_it_was(module, contents, wanted) for module in modules)


def _as_it_was(module: ModuleSymbol, contents: Mapping[str, bytes], wanted: Mapping[str, ModuleSymbol]) -> ModuleSymbol:
    name = next((name for name, each in wanted.items() if each is module), None)
    if name is None:
        return replace(module, _functions={}, _classes={})
    content = contents.get(name, b"")
    digest = source.digest(content)
    file = module.file if digest == module.digest else source.understand(source.Read(content, ""))
    return ModuleSymbol(module.name, module.path, file, module.package, digest=digest)


def _contents(commit: str, top: Path, wanted: Mapping[str, ModuleSymbol]) -> dict[str, bytes]:
    archive = _git("-C", str(top), "archive", "--format=tar", commit)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for each in files:
            if each.isfile() and each.name in wanted and (opened := files.extractfile(each)) is not None:
                found[each.name] = opened.read()
    return found


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], capture_output=True, check=True, timeout=120).stdout  # noqa: S603, S607 - git is found as the user's shell finds it; a revision stands behind --end-of-options
    except FileNotFoundError as error:
        raise RevisionUnknown("--since needs git") from error
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", b"") or b""
        raise RevisionUnknown(said.decode(errors="replace").strip() or str(error)) from error
