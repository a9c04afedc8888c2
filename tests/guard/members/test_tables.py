import pytest

from netra.guard.facts import Expression
from netra.guard.members.tables import DECLARED, OF_FLASK, backrefs, declarative_parent
from tests.guard.programs import analysed

BASE: Expression = ("name", "Base")
MODEL: Expression = ("attribute", ("name", "db"), "Model")


@pytest.mark.parametrize(
    ("text", "base", "expected"),
    [
        ("Base = declarative_base()", BASE, DECLARED),
        ("Base = orm.declarative_base(metadata=m)", BASE, DECLARED),
        ("Base = declarative_base(cls=Own)", BASE, ""),
        ("Base = automap_base()", BASE, ""),
        ("Base = declarative_base()\nBase = other()", BASE, ""),
        ("db = SQLAlchemy(app)", MODEL, OF_FLASK),
        ("db = SQLAlchemy(model_class=Own)", MODEL, ""),
        ("db = Database()", MODEL, ""),
    ],
)
def test_a_base_is_known_by_the_call_that_makes_it(text: str, base: Expression, expected: str) -> None:
    program = analysed(text).program
    assert declarative_parent(base, program.own[0].top, program) == expected


def test_what_the_far_side_of_a_relationship_gets_is_known_only_when_all_of_it_is_written() -> None:
    text = "a = relationship('B', backref='ones')\nb = relationship('C', backref=backref('twos', lazy=True))\n"
    assert backrefs(analysed(text)) == frozenset({"ones", "twos"})
    assert backrefs(analysed(text + "c = relationship('D', backref=name)\n")) is None
