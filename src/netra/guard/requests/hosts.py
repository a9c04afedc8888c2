"""Servers of others that a program knows by name: what goes there need not be served here."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.requests.handwritten import texts_in
from netra.guard.symbols import ModuleSymbol

# `api.example.com` stands in examples, and nobody is there.
HOST: Final = re.compile(
    r"(?:^|//|@)(?!(?:[\w{}-]+\.)*example\.)(?:[\w{}-]+\.)+(?:com|net|org|io|ai|dev|cloud|app|cn|co|eu|de|tech|sh|local|internal|lan)(?=[:/?]|$)"
)


class ForeignHosts:
    """Answers which files may ask somebody else's server: they, or a module of the program that they import, write its name."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._known: dict[ModuleSymbol, bool] = {}

    def may_be_asked_by(self, module: ModuleSymbol) -> bool:
        return any(map(self._names_one, (module, *self._imported(module))))

    def _names_one(self, module: ModuleSymbol) -> bool:
        if module not in self._known:
            self._known[module] = any(map(HOST.search, texts_in(module.file.functions)))
        return self._known[module]

    def _imported(self, module: ModuleSymbol) -> Iterator[ModuleSymbol]:
        for function in module.file.functions:
            for each in function.imports:
                target = self._program.absolute(each, module) or ""
                for named in (f"{target}.{each.name}", target):
                    if (found := self._program.modules.get(named)) is not None and not found.library:
                        yield found
                        break
