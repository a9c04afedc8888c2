"""`netra.guard.requests.shared_rows`: rows that several have."""

import pytest

from netra.guard.requests.shared_rows import is_of_several
from tests.guard.programs import analysed

TEXT = """
from django.db import models
from django.shortcuts import get_object_or_404

class Band(models.Model):
    name = models.SlugField()
    players = models.ManyToManyField("auth.User")
    leader = models.ForeignKey("auth.User", on_delete=models.CASCADE)

def show(request, name):
    band = {found}
    return band.pk
"""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("get_object_or_404(Band, name=name, players=request.user)", True),
        ("Band.objects.get(name=name, players__id=request.user.id)", True),
        ("get_object_or_404(Band, name=name, leader=request.user)", False),
        ("get_object_or_404(Band, name=name)", False),
        ("load(Band, players=request.user)", False),
        ("name", False),
    ],
)
def test_what_is_found_by_one_of_many_is_of_several(found: str, expected: bool) -> None:
    analysis = analysed(TEXT.format(found=found))
    show = next(each for each in analysis.scopes if each.name == "show")
    assert is_of_several(analysis, ("attribute", ("name", "band"), "pk"), show) is expected
    assert not is_of_several(analysis, ("name", "request"), show)
