"""A rewriting says what the module said, and guard tells of a program what it told of it before."""

import ast
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.guard.planted import planted
from tests.guard.rewriting.__main__ import main
from tests.guard.rewriting.rewrites import REWRITES
from tests.guard.rewriting.survivors import as_it_is, findings, rewritten

MODULE = '''
"""Sums of prices."""

from __future__ import annotations

from collections import Counter, deque
from decimal import Decimal as Number

seen = deque(maxlen=2)
total = 0


class Cart:
    def __init__(self, name: str) -> None:
        self.name = name
        self.counted: Counter[str] = Counter()

    def add(self, price: Number | None = None) -> str:
        """Add a price."""
        global total
        seen.append(self.name)
        if price is not None:
            total += int(price)
            self.counted[self.name] += 1

    @property
    def count(self) -> int:
        return self.counted[self.name]

    def each(self):
        for name in self.counted:
            yield name


def run():
    cart = Cart("a")
    cart.add(Number(3))
    cart.add()
    return (cart.count, list(cart.each()), list(seen), total)
'''


class _Tracer:
    def start_as_current_span(self, _: str) -> "_Tracer":
        return self

    def __enter__(self) -> "_Tracer":
        return self

    def __exit__(self, *_: object) -> None: ...

    def get_tracer(self, _: str) -> "_Tracer":
        return self


class _Tracing(types.ModuleType):
    trace = _Tracer()


@pytest.mark.parametrize("way", REWRITES)
def test_a_module_does_what_it_did(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", _Tracing("opentelemetry"))
    text = ast.unparse(REWRITES[way](ast.parse(MODULE), frozenset()))
    assert text != ast.unparse(ast.parse(MODULE))
    names: dict[str, Any] = {"__name__": "cart"}
    exec(compile(text, "cart.py", "exec", dont_inherit=True), names)
    assert names["run"]() == (1, ["a"], ["a", "a"], 3)


@pytest.mark.parametrize("way", ["decorated", "named", "quoted"])
def test_what_was_told_of_a_backend_is_told_of_it_in_other_words(way: str, tmp_path: Path) -> None:
    planted.unpack("gamma", tmp_path / "gamma")
    rewritten(tmp_path / "gamma", as_it_is)
    before = findings(tmp_path / "gamma")
    rewritten(tmp_path / "gamma", REWRITES[way])
    assert before.total() > 100
    assert before - findings(tmp_path / "gamma") == {}


def test_an_unknown_way_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backwards"])
    assert "no such way: backwards; there are decorated, renamed" in capsys.readouterr().err
