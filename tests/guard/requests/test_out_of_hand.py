import pytest

from netra.guard.requests.out_of_hand import OutOfHand, is_made_here
from tests.guard.programs import analysed, function

TEXT = """
from functools import partial
from somewhere import Queue, made
class Box:
    def put(self, item): ...
    def leave(self): bus.unsubscribe(self.gone)
    def gone(self, item): ...
class Handler:
    def once(self): ...
    def twice(self): bus.unsubscribe(self.twice)
    def answer(self, given):
        def inner(): ...
        def named(): ...
        box, queue, thing, lent = Box(), Queue(), made(), Box()
        keep(lent)
        bus.subscribe(lambda: 1)
        bus.subscribe(inner)
        bus.subscribe(named)
        bus.subscribe(self.once)
        bus.subscribe(self.twice)
        bus.subscribe(box.put)
        bus.subscribe(box.gone)
        bus.subscribe(box.absent)
        bus.subscribe(queue.put)
        bus.subscribe(thing.handle)
        bus.subscribe(lent.put)
        bus.subscribe(given.put)
        bus.subscribe(partial(inner_too, given))
        bus.subscribe(MessageHandler(lambda: 1))
        bus.subscribe(wrapped(lambda: 1))
        later = named
"""


def handed(text: str = TEXT) -> dict[int, bool]:
    """Of each subscription, by its number: whether what is handed over can never be taken back."""
    analysis = analysed(text)
    answer = function(analysis.program, "example.Handler.answer")
    found = [call for call in answer.facts.calls if call.callee[-1] == "subscribe"]
    return {number: analysis.once(OutOfHand).holds(call.arguments[0], answer) for number, call in enumerate(found)}


@pytest.mark.parametrize(
    ("number", "what", "expected"),
    [
        (0, "a function without a name", True),
        (1, "a function of its own", True),
        (2, "one that has another name as well", False),
        (3, "a method that nothing else mentions", True),
        (4, "a method that its object takes back", False),
        (5, "a method of an object that is made here", True),
        (6, "one that such an object takes back itself", False),
        (7, "one that its class does not have", False),
        (8, "one of a class of a library", True),
        (9, "one of what nobody knows", True),
        (10, "one of an object that somebody else has, too", False),
        (11, "one of an object that was given", False),
        (12, "what `partial` makes of a function", True),
        (13, "what a library takes a function in", True),
        (14, "what a function makes of one", False),
    ],
)
def test_what_nobody_can_name_any_more(number: int, what: str, expected: bool) -> None:
    assert handed()[number] is expected, what


def test_a_name_is_made_here_by_one_call() -> None:
    answer = function(
        analysed(TEXT.replace("later = named", "later = Box()\n        given = Box()")).program, "example.Handler.answer"
    )
    assert [name for name in ("later", "given", "inner", "absent") if is_made_here(name, answer)] == ["later"]
