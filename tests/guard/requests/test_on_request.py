from netra.guard.requests.on_request import OnRequest
from tests.guard.programs import analysed

PUT = """
from flask import g


class People: ...
class Rooms: ...


def begin(request):
    g.people = People()
    request.state.rooms = Rooms()
    request["rooms"] = Rooms()
    g.either = People()
    request.plain = make()


def again(request):
    g.either = Rooms()
    g.people = None
    self.people = People()
"""
G, REQUEST = ("name", "g"), ("name", "request")


def test_what_lies_on_a_request_is_of_the_one_class_that_is_put_there() -> None:
    on_request = OnRequest(analysed(PUT))
    kinds = {
        "g.people": on_request.kind(("attribute", G, "people")),
        "state": on_request.kind(("attribute", ("attribute", REQUEST, "state"), "rooms")),
        "item": on_request.kind(("subscript", REQUEST, ("string", "rooms"))),
    }
    assert {name: kind and kind.name for name, kind in kinds.items()} == {
        "g.people": "People",
        "state": "Rooms",
        "item": "Rooms",
    }


def test_nothing_is_known_of_what_may_be_of_two_classes_or_comes_from_elsewhere() -> None:
    on_request = OnRequest(analysed(PUT))
    assert on_request.kind(("attribute", G, "either")) is None
    assert on_request.kind(("attribute", REQUEST, "plain")) is None
    assert on_request.kind(("attribute", ("name", "self"), "people")) is None
