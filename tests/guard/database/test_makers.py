from netra.guard.database.makers import Makers
from netra.guard.facts import Expression
from tests.guard.programs import analysed, function

MADE = """
class People:
    def __init__(self, session): ...

class Rooms:
    def __init__(self, session): ...

TABLE = {"people": People, "rooms": Rooms}
FILLED = {"people": People}
FILLED = {}

def make(kind, session):
    return TABLE[kind](session)

def people(session):
    return People(session=session)

def either(session):
    if session:
        return People(session)
    return Rooms(session)

def renamed(session):
    session = other(session)
    return People(session)

class Service:
    def repository(self, kind):
        return make(kind, self.session)

def f(session, service, kind):
    people(session)
    make("rooms", session)
    make(kind, session)
    make("streets", session)
    service_of_its_own().repository("people")
    either(session)
    renamed(session)
    FILLED["people"](session)

def service_of_its_own() -> Service:
    return Service()
"""


def made(analysis_of: str = MADE) -> list[tuple[str, Expression | None] | None]:
    analysis = analysed(analysis_of)
    makers, scope = Makers(analysis), function(analysis.program, "example.f")
    found = [makers.made(index, scope) for index in range(len(scope.facts.calls))]
    return [None if each is None else (each.kind.name, each.given[0][1] if each.given else None) for each in found]


def test_a_maker_makes_an_object_of_what_it_is_given() -> None:
    found = made()
    session = ("name", "session")
    assert found[0] == ("People", session)
    assert found[1] == ("Rooms", session)


def test_a_table_tells_only_of_a_key_that_stands_in_the_call() -> None:
    assert made()[2:4] == [None, None]


def test_a_maker_of_an_object_hands_in_what_that_has() -> None:
    found = [each for each in made() if each is not None and each[1] is not None and each[1][0] == "attribute"]
    assert [(kind, value[2]) for kind, value in found if value is not None] == [("People", "session")]


def test_of_two_results_and_of_what_takes_a_place_nothing_is_said() -> None:
    found = made()
    assert found[-3] is None
    assert found[-2] == ("People", None)
    assert found[-1] is None
