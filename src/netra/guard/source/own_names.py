"""The own names of what a file imports under others, by which rules know libraries, and ids tell what they are of.

`from fastapi import Depends as Needs` gives `Depends` another name, and `import flask` makes `flask.request` of `request`.
Facts call both as their library does, where the file means nothing else by that name.
"""

import re
from collections.abc import Mapping
from typing import Final

# What everybody who is served finds under the same name, by the libraries that have it.
SERVED: Final = ("request", "g", "session")
SERVING: Final = frozenset({"flask", "quart"})


class OwnNames:
    """What the names of one file stand for; `text` is the file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._renamed: dict[str, str] = {}
        self.of_modules: set[tuple[str, str]] = set()
        """Names of modules, each with a name that is read as if it stood alone."""

    @property
    def renamed(self) -> Mapping[str, str]:
        """What is imported under another name, with its own."""
        return self._renamed

    def give(self, name: str, own: str) -> bool:
        """Call what is imported as `name` by its own; not where the file says that name anywhere else."""
        if len(re.findall(rf"\b{re.escape(own)}\b", self._text)) != 1:
            return False
        self._renamed[name] = own
        return True

    def forget(self, name: str) -> bool:
        """The name means something else here, and nobody knows for how long. Whether it stood for anything."""
        return self._renamed.pop(name, None) is not None

    def open(self, module: str, bound: str) -> list[str]:
        """The names of a module that is imported as a whole by which everybody who is served finds the same."""
        found = [each for each in SERVED if self._only_there(bound, each)] if module in SERVING else []
        self.of_modules.update((bound, each) for each in found)
        return found

    def _only_there(self, bound: str, name: str) -> bool:
        """The file says the name behind that of the module, and nowhere else."""
        said = len(re.findall(rf"\b{name}\b", self._text))
        return said > 0 and said == len(re.findall(rf"\b{re.escape(bound)}\.{name}\b", self._text))
