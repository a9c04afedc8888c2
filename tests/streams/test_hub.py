"""Fan-out in one process: to the followers of exactly that thread of exactly that user, and none can harm another."""

from collections.abc import Sequence

import pytest

from netra.events.codec import Event, place
from netra.ids import ThreadId, UserId, new_uuid
from netra.streams.cursor import Position
from netra.streams.hub import Hub, Key
from tests.streams.logs import texts, thought


class Listener:
    """A follower that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, list[str]]] = []
        self.nudges: list[Position | None] = []

    def offer(self, epoch: int, events: Sequence[Event]) -> None:
        self.heard.append((epoch, texts(list(events))))

    def nudge(self, position: Position | None) -> None:
        self.nudges.append(position)


class Broken(Listener):
    def offer(self, epoch: int, events: Sequence[Event]) -> None:
        raise ZeroDivisionError

    def nudge(self, position: Position | None) -> None:
        raise ZeroDivisionError


def key() -> Key:
    return UserId(new_uuid()), ThreadId(new_uuid())


def events(where: Key, *said: str) -> list[Event]:
    return place(*where, 0, [thought(text) for text in said])


def test_a_follower_hears_its_own_thread_and_no_other() -> None:
    hub, alices, bobs = Hub(), key(), key()
    alice, bob = Listener(), Listener()
    hub.add(alices, alice)
    hub.add(bobs, bob)
    hub.publish(1, [*events(alices, "a", "b"), *events(bobs, "c")])
    assert alice.heard == [(1, ["a", "b"])]
    assert bob.heard == [(1, ["c"])]


def test_the_same_thread_id_of_another_user_is_another_thread() -> None:
    hub = Hub()
    alices = key()
    bobs = (UserId(new_uuid()), alices[1])
    bob = Listener()
    hub.add(bobs, bob)
    hub.publish(1, events(alices, "secret"))
    hub.nudge(alices, Position(1, 0, 1))
    assert (bob.heard, bob.nudges) == ([], [])


def test_every_follower_of_a_thread_hears_everything() -> None:
    hub, where = Hub(), key()
    followers = [Listener() for _ in range(3)]
    for follower in followers:
        hub.add(where, follower)
    hub.publish(2, events(where, "a"))
    hub.nudge(where, None)
    assert [(f.heard, f.nudges) for f in followers] == [([(2, ["a"])], [None])] * 3


def test_a_follower_that_left_hears_nothing_and_leaves_nothing_behind() -> None:
    hub, where = Hub(), key()
    listener = Listener()
    hub.add(where, listener)
    assert (len(hub), where in hub, list(hub.keys())) == (1, True, [where])
    hub.remove(where, listener)
    hub.remove(where, listener)
    hub.publish(1, events(where, "a"))
    assert listener.heard == []
    assert (len(hub), where in hub, list(hub.keys())) == (0, False, [])


def test_a_follower_may_leave_or_come_while_it_is_told() -> None:
    hub, where = Hub(), key()
    newcomer = Listener()

    class Leaver(Listener):
        def offer(self, epoch: int, events: Sequence[Event]) -> None:
            super().offer(epoch, events)
            hub.remove(where, self)
            hub.add(where, newcomer)

    leaver, neighbour = Leaver(), Listener()
    hub.add(where, leaver)
    hub.add(where, neighbour)
    hub.publish(1, events(where, "a"))
    hub.publish(1, events(where, "b"))
    assert leaver.heard == [(1, ["a"])]
    assert neighbour.heard == [(1, ["a"]), (1, ["b"])]
    assert newcomer.heard == [(1, ["b"])]


def test_a_follower_that_fails_is_reported_and_its_neighbours_hear_everything(caplog: pytest.LogCaptureFixture) -> None:
    hub, where = Hub(), key()
    neighbour = Listener()
    hub.add(where, Broken())
    hub.add(where, neighbour)
    hub.publish(1, events(where, "a"))
    hub.nudge(where, Position(1, 0, 1))
    assert neighbour.heard == [(1, ["a"])]
    assert neighbour.nudges == [Position(1, 0, 1)]
    assert [record.message for record in caplog.records] == ["a reader failed"] * 2
