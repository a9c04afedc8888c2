from netra.guard.database.wrapping import Wrapping
from tests.guard.programs import analysed, function

TEXT = """
import sqlite3
from sqlalchemy.orm import Session

def save(session: Session, path):
    try:
        session.commit()
    except ValueError:
        pass
    try:
        session.commit()
        sqlite3.connect(path)
    except ValueError:
        pass
    try:
        print(path)
    except ValueError:
        pass
"""


def test_the_layer_of_a_stretch_is_known_where_nothing_in_it_asks_the_driver() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.save")
    tried = [each for each in scope.facts.blocks if each.what == "try"]
    wrapping = Wrapping(analysis)
    assert [wrapping.layer(scope, each) for each in tried] == [("sqlalchemy", 7), None, None]
