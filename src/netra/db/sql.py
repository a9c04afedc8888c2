"""Named queries out of `.sql` files.

Format, as in Procrastinate: `-- name --` on a line of its own, then one comment line that says what the query is for, then
the query with `%(name)s` parameters. A query without its sentence is an error, so nobody has to guess.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import LiteralString, cast

_HEADING = re.compile(r"^-- (\w+) --$", re.MULTILINE)


class NamedQueries(Mapping[str, LiteralString]):
    """The queries of one file, by name."""

    def __init__(self, package: str, filename: str) -> None:
        text = files(package).joinpath(filename).read_text("utf-8")
        parts = _HEADING.split(text)
        self._queries: dict[str, LiteralString] = {}
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if not body.lstrip().startswith("--"):
                raise ValueError(f"{filename}: query {name} has no sentence that says what it is for")
            if name in self._queries:
                raise ValueError(f"{filename}: query {name} stands twice")
            # The text ships with the package and never holds input, which is what LiteralString asks for.
            self._queries[name] = cast(LiteralString, body.strip())

    def __getitem__(self, name: str) -> LiteralString:
        return self._queries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)
