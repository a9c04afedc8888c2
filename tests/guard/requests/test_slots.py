from netra.guard.requests.slots import Slots
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import FastAPI

app = FastAPI()
rooms = {}

class Hub:
    names = []

    def __init__(self):
        self.last = None

hub = Hub()

def get_rooms():
    return rooms

def counted():
    seen = {}
    def count(name):
        seen[name] = 1
    return count

count = counted()

def work(request, key):
    rooms[key] = get_rooms()
    hub.last = request
    Hub.names.append(key)
    app.state.user = request
    own = {}
    own[key] = key
"""


def test_what_outlives_a_request_has_a_slot_and_what_belongs_to_a_call_has_none() -> None:
    analysis = analysed(TEXT)
    slots, work = analysis.once(Slots), function(analysis.program, "example.work")
    targets = [each.target[1] if each.target[0] == "subscript" else each.target for each in work.facts.assignments]
    found = [slots.slot(each, work) for each in targets]
    assert [each and each.key for each in found] == [
        ("example", "rooms"),
        ("example.Hub", "last"),
        ("app.state", "user"),
        None,
        None,
    ]
    inner = function(analysis.program, "example.counted.count")
    kept = slots.slot(("name", "seen"), inner)
    assert kept is not None and kept.key == ("example.counted", "seen")


def test_an_entry_is_known_by_its_container_and_its_key() -> None:
    analysis = analysed(TEXT)
    work = function(analysis.program, "example.work")
    found = analysis.once(Slots).entry(("subscript", ("name", "rooms"), ("name", "key")), work)
    assert found is not None and (found[0].name, found[1]) == ("rooms", ("name", "key"))
