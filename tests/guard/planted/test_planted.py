"""Guard finds what it found in backends with planted faults, and tells nothing that is right there."""

from pathlib import Path

import pytest

from tests.guard.planted import __main__
from tests.guard.planted.planted import DECOY, FAULT, Planted, Told, look, names, score, unpack

# How many faults of each family are found by default, and the findings at what is right. More is better, fewer a step back.
FOUND = {
    "alpha": {"A": 47, "E": 13, "M": 31, "D": 25, "S": 32, "T": 11},
    "beta": {"A": 43, "E": 12, "M": 23, "D": 22, "S": 19, "T": 9},
    "gamma": {"A": 36, "E": 10, "M": 17, "D": 16, "S": 15, "T": 7},
    "delta": {"A": 33, "E": 9, "M": 21, "D": 20, "S": 17, "T": 7},
    "epsilon": {"A": 37, "E": 8, "M": 24, "D": 19, "S": 20, "T": 7},
    "zeta": {"A": 36, "E": 8, "M": 20, "D": 16, "S": 19, "T": 6},
    "eta": {"A": 27, "E": 5, "M": 19, "D": 14, "S": 13, "T": 6},
}
TOLD_AND_RIGHT = {"alpha": 0, "beta": 0, "gamma": 0, "delta": 0, "epsilon": 0, "zeta": 0, "eta": 0}


@pytest.mark.parametrize("name", names())
def test_what_was_found_is_found(name: str, tmp_path: Path) -> None:
    result = score(unpack(name, tmp_path), look(tmp_path))
    found = {family: result.of(family)[0] for family in FOUND[name]}
    assert {family: number for family, number in found.items() if number < FOUND[name][family]} == {}
    assert len(result.decoys) <= TOLD_AND_RIGHT[name]


def planted(line: int, sort: str = FAULT) -> Planted:
    return Planted("a.py", line, "A", "dropped", sort, "why")


def test_a_fault_is_found_at_its_line_beside_it_or_where_the_proof_stands() -> None:
    told = [Told("A101", "m", ("a.py", 4, 5), ()), Told("A101", "m", ("b.py", 1, 1), (("a.py", 20, 20),))]
    result = score([planted(6), planted(21), planted(9)], told)
    assert [each.line for each in result.found] == [6, 21]
    assert [each.line for each in result.missed] == [9]
    assert result.of("A") == (2, 3)


def test_what_is_told_at_a_decoy_and_at_no_fault_is_a_mistake() -> None:
    told = [Told("A101", "m", ("a.py", 4, 4), ()), Told("A101", "m", ("a.py", 8, 8), ())]
    result = score([planted(4), planted(4, DECOY), planted(8, DECOY), planted(9, DECOY)], told)
    assert [(each.line, one.place[1]) for each, one in result.decoys] == [(8, 8)]


def test_the_table_says_how_many_and_what_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["gamma", "--select", "T", "--missed"]) == 0
    printed = capsys.readouterr().out
    assert "| gamma | 0 of 38 |" in printed
    assert "gamma: missed A " in printed
