from netra.guard.database.carriers import Carriers
from tests.guard.programs import analysed, function

MADE = """
class Repository:
    def __init__(self, session):
        self.session = session


class People(Repository):
    pass


class Streets(Repository):
    def __init__(self, other, name):
        super().__init__(other)


class Service:
    def __init__(self, db):
        self.db = db
        self.people = People(db)
        self.names = Names(3)

    def serve(self):
        return self.people.find()


class Names:
    def __init__(self, number):
        self.number = number


def main(session):
    people = People(session)
    streets = Streets(name="x", other=session)
    names = Names(4)
"""


def test_an_object_has_the_session_that_it_was_made_with() -> None:
    analysis = analysed(MADE)
    main = function(analysis.program, "example.main")
    carriers = Carriers(analysis)
    found = {name: carriers.attribute(("name", name), ("name", "session"), main) for name in ("people", "streets", "names")}
    assert found == {"people": "session", "streets": "session", "names": None}


def test_what_a_class_makes_of_its_own_session_has_it_as_well() -> None:
    analysis = analysed(MADE)
    serve = function(analysis.program, "example.Service.serve")
    own = ("attribute", ("name", "self"), "db")
    carriers = Carriers(analysis)
    kept = {name: carriers.attribute(("attribute", ("name", "self"), name), own, serve) for name in ("people", "names")}
    assert kept == {"people": "session", "names": None}
    assert carriers.attribute(("name", "self"), own, serve) == "db"
