"""The page `docs/reference/errors.md`, out of the tree of errors. `python -m tests.structure.pages` writes it anew."""

import importlib
import inspect
import pkgutil
from functools import cache
from pathlib import Path

import netra
from netra.errors import NetraError
from tests.structure.source import ROOT

ERRORS = ROOT / "docs/reference/errors.md"

HEAD = """\
# Errors

Every refusal of Netra over HTTP is a problem document (RFC 9457, `application/problem+json`):

```json
{
  "type": "urn:netra:error:not_found",
  "title": "There is nothing here under that id.",
  "status": 404,
  "code": "not_found",
  "detail": "There is nothing here under that id.",
  "request_id": "…"
}
```

Over a WebSocket it is the frame `{"type": "error", "code": …, "message": …, "ref": …}`, with the same codes. Switch on
`code`: it is stable; `title` and `detail` are for people and may be worded better one day. No message carries SQL, a
path, a token or somebody else's id.

This page is written out of the classes themselves (`NetraError` and everything below it in `src/netra`).

"""


@cache
def errors() -> tuple[type[NetraError], ...]:
    """Every class of the tree, by status, then code. Imports all of Netra: a class exists once it is imported."""
    for info in pkgutil.walk_packages(netra.__path__, "netra."):
        importlib.import_module(info.name)
    found: set[type[NetraError]] = set()
    waiting = [NetraError]
    while waiting:
        kind = waiting.pop()
        if kind not in found and kind.__module__.split(".")[0] == "netra":
            found.add(kind)
            waiting += kind.__subclasses__()
    return tuple(sorted(found, key=lambda kind: (kind.status, kind.code, kind.__name__)))


def errors_page() -> str:
    rows = ["| code | status | meaning |", "|---|---|---|"]
    documented = set()
    for kind in errors():
        if kind.code not in documented and "code" in vars(kind):
            documented.add(kind.code)
            meaning = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split()).replace("|", "\\|")
            rows.append(f'| <a id="{kind.code}"></a>`{kind.code}` | {kind.status} | {meaning} |')
    return HEAD + "\n".join(rows) + "\n"


def write() -> Path:
    ERRORS.parent.mkdir(parents=True, exist_ok=True)
    ERRORS.write_text(errors_page(), "utf-8")
    return ERRORS


if __name__ == "__main__":
    write()
