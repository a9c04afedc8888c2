"""A small package with a fault in it: found where guard sees it, and otherwise missed for a reason."""

import json
from pathlib import Path

import pytest

from netra.guard.configuration import GuardConfiguration
from netra.guard.source.cache import Cache
from tests.guard.mutation import __main__
from tests.guard.mutation.operator import load
from tests.guard.mutation.recall import tables
from tests.guard.mutation.target import touched
from tests.guard.mutation.trial import FOUND, Injection, Subject, injections, measured, rounds

TEXT = """
class Store:
    async def save(self, x): ...

async def known(store: Store):
    await store.save(1)

async def unknown(store):
    await store.anything_else(2)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "shop"
    (top / "shop").mkdir(parents=True)
    (top / "shop-1.0.dist-info").mkdir()
    (top / "shop" / "__init__.py").write_text("")
    (top / "shop" / "store.py").write_text(TEXT)
    return top


def subject(folder: Path) -> Subject:
    return Subject("shop", folder, Cache(None), GuardConfiguration(), 1)


def test_a_fault_is_found_where_guard_sees_it_and_missed_where_it_cannot(folder: Path) -> None:
    done = measured(subject(folder), [load()["remove-await"]], 5, 7)
    assert {(each.line, each.known, each.became) for each in done.outcomes} == {
        (6, True, FOUND),
        (9, False, "what is called is not known"),
    }
    assert done.rounds == 2  # one file takes one fault at a time


def test_a_library_that_the_package_imports_is_known_as_its_users_know_it(folder: Path) -> None:
    (folder / "shop" / "store.py").write_text("import asyncio\n\nasync def known():\n    await asyncio.sleep(1)\n")
    here = subject(folder)
    assert "asyncio" in here.program({}).modules
    assert [each.became for each in measured(here, [load()["remove-await"]], 5, 7).outcomes] == [FOUND]


def test_nothing_of_the_package_is_changed(folder: Path) -> None:
    measured(subject(folder), load().values(), 2, 7)
    assert (folder / "shop" / "store.py").read_text() == TEXT
    assert sorted(path.name for path in (folder / "shop").iterdir()) == ["__init__.py", "store.py"]


def test_one_seed_gives_one_choice(folder: Path) -> None:
    here = subject(folder)
    chosen = [injections(here, load().values(), 2, 3) for _ in range(2)]
    assert chosen[0] == chosen[1]
    assert chosen[0]


def test_a_round_has_one_fault_in_a_file_and_one_of_a_symbol(folder: Path) -> None:
    here = subject(folder)
    (first, *_) = injections(here, [load()["remove-await"]], 5, 7)
    named = first._replace(site=first.site._replace(symbol="x"))
    faults = [named, named._replace(path="other.py"), Injection(first.operator, "third.py", first.site)]
    assert [[each.path for each in one] for one in rounds(faults)] == [[first.path, "third.py"], ["other.py"]]


def test_a_change_is_seen_beside_the_program_as_it_was(folder: Path) -> None:
    (folder / "shop" / "price.py").write_text("def price(x):\n    return x\n")
    (folder / "shop" / "bill.py").write_text(
        "from shop.price import price\n\n\ndef bill(x):\n    total = price(x)\n    return total + 1\n"
    )
    done = measured(subject(folder), [load()["become-async"]], 5, 7)
    assert [(each.became, each.path) for each in done.outcomes] == [(FOUND, "shop/price.py")]


def test_a_coroutine_that_is_assigned_is_found_where_it_is_used(folder: Path) -> None:
    (folder / "shop" / "use.py").write_text(
        "from shop.store import known\n\n\nasync def use(store):\n    x = await known(store)\n    return x.anything\n"
    )
    done = measured(subject(folder), [load()["remove-await"]], 5, 7)
    assert [each.became for each in done.outcomes if each.path == "shop/use.py"] == [FOUND]


def test_lines_move_with_what_is_put_in_above_them(folder: Path) -> None:
    here = subject(folder)
    (fault,) = [each for each in injections(here, [load()["expand-variables"]], 9, 7) if each.site.line == 6]
    assert touched(fault.site) == {2, 3, 7, 8}


def test_the_command_writes_its_tables_and_outcomes(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "outcomes.json"
    given = [str(folder.parent), "--package", "shop", "--operator", "remove-await", "--cache-dir", str(tmp_path / "cache")]
    assert __main__.main([*given, "--output", str(output)]) == 0
    assert "| A remove-await | 1 of 2 (0.50) | 1 of 1 (1.00) | A101 1 |" in capsys.readouterr().out
    assert len(json.loads(output.read_text())) == 2


def test_a_package_that_is_not_there_or_of_another_version_stops_the_run(folder: Path, tmp_path: Path) -> None:
    assert __main__.main([str(tmp_path), "--package", "nowhere"]) == 2
    other = tmp_path / "khoj"
    folder.rename(other)
    assert __main__.main([str(tmp_path), "--package", "khoj"]) == 2


def test_no_outcome_is_no_recall() -> None:
    assert "| A |" not in tables([])
