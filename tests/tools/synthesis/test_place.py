import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from netra.tools.dice import Dice, Ranks
from netra.tools.synthesis.dialect import SchemaRefused
from netra.tools.synthesis.judge import Patterns, judge_of
from netra.tools.synthesis.place import DEEP, DEEPEST_ROW, MOST_VALUES, TRIES, Draw, Misfit, OneOf, Place, Stopped, Way


@dataclass(slots=True)
class Seldom(Way):
    """A way that comes to nothing so many times first."""

    misfits: int
    below: list[Place] = field(default_factory=list)

    def make(self, draw: Draw, depth: int) -> Any:
        self.misfits -= 1
        if self.misfits >= 0:
            raise Misfit
        return [place.make(draw, depth + 1) for place in self.below]

    def needs(self) -> list[Place]:
        return self.below


def draw() -> Draw:
    return Draw(Dice(1), threading.Event())


def test_a_place_tries_until_a_value_comes_and_then_gives_up() -> None:
    assert Place("#", ways=[Seldom(TRIES - 1)]).make(draw(), 0) == []
    with pytest.raises(SchemaRefused, match=f"{TRIES} tries") as caught:
        Place("#/a", ways=[Seldom(TRIES)]).make(draw(), 0)
    assert caught.value.extra["place"] == "#/a"


def test_a_delicate_place_gives_only_what_its_judges_accept() -> None:
    judge = judge_of({"maximum": 2}, Patterns())
    careless = Place("#", (judge,), [OneOf([1, 9])])
    careful = Place("#", (judge,), [OneOf([1, 9])], delicate=True)
    shared = draw()
    assert {careless.make(shared, 0) for _ in range(40)} == {1, 9}
    assert {careful.make(shared, 0) for _ in range(40)} == {1}


def test_what_nobody_could_read_is_accepted_nowhere() -> None:
    assert not Place("#").accepts("\0")
    assert not Place("#").accepts(2**80)
    assert Place("#").accepts("a")


def test_deep_in_a_row_the_shortest_way_is_taken() -> None:
    leaf = Place("#/leaf", ways=[OneOf(["leaf"])], height=0)
    place = Place("#", ways=[Seldom(0, [leaf]), OneOf(["end"])])
    shared = draw()
    assert [place.make(shared, DEEP) for _ in range(20)] == ["end"] * 20
    assert ["leaf"] in [place.make(shared, DEEP - 1) for _ in range(20)]


def test_a_row_that_goes_ever_deeper_is_refused() -> None:
    place = Place("#/round")
    place.ways = [Seldom(0, [place])]
    with pytest.raises(SchemaRefused, match=f"{DEEPEST_ROW} levels"):
        place.make(draw(), 0)


def test_values_are_counted_and_work_that_nobody_waits_for_ends() -> None:
    counted = draw()
    counted.values = MOST_VALUES - 1
    counted.spend("#")
    with pytest.raises(SchemaRefused, match="values"):
        counted.spend("#")
    counted.stop.set()
    with pytest.raises(Stopped):
        counted.spend("#")


def test_a_way_is_one_level_higher_than_the_highest_place_that_it_needs() -> None:
    assert OneOf([1]).height() == 0
    assert Seldom(0, [Place("#/a", height=2), Place("#/b", height=0)]).height() == 3
    assert Seldom(0, [Place("#/a")]).height() == float("inf")


def test_values_of_a_list_come_as_often_as_their_ranks_say() -> None:
    shared = draw()
    made = [OneOf("abc", Ranks(3, 2.0)).make(shared, 0) for _ in range(500)]
    assert made.count("a") > made.count("b") > made.count("c") > 0
