import pytest

from netra.guard.members.filters import columns_named
from tests.guard.programs import analysed

HEAD = """
from django.db import models
from sqlalchemy import select, update
from sqlalchemy.orm import declarative_base
Base = declarative_base()
class User(Base):
    email = 1
class Book(models.Model):
    title = models.TextField()
def f(session, more):
    """


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("select(User).filter_by(email=1)", ""),
        ("select(User).where(more).filter_by(mail=1)", "takes no `mail`"),
        ("select(User).join(more).filter_by(mail=1)", None),
        ("update(User).values(mail=1)", "takes no `mail`"),
        ("session.query(User).filter_by(mail=1)", "takes no `mail`"),
        ("Book.objects.filter(title__startswith=1)", ""),
        ("Book.objects.exclude(name__startswith=1)", "takes no `name`"),
        ("more.filter(name=1)", None),
        ("more.values(name=1)", None),
        ("more(User).filter_by(name=1)", None),
    ],
)
def test_a_query_names_columns_that_the_class_has(call: str, refused: str | None) -> None:
    analysis = analysed(f"{HEAD}{call}\n")
    scope = next(each for each in analysis.scopes if each.name == "f")
    found = columns_named(analysis, max(scope.facts.calls, key=lambda each: len(each.keywords)), scope)
    assert (None if found is None else found[0].refuses(found[1])) == refused
