"""What a value is made with, of whoever asks, is left out of its key, or is said there, or says nothing of the value."""

import pytest

from netra.guard.requests.made_for_asker import kept_by_less
from tests.guard.programs import analysed

TEXT = """
from flask import Flask
from flask_login import current_user, login_required

app = Flask(__name__)
kept = {{}}


@app.get("/rows/<month>")
@login_required
def rows(month):
    user = current_user
    key = {key}
    if key not in kept:
        {first}
        kept[key] = {value}
    return kept[key]
"""


@pytest.mark.parametrize(
    ("key", "first", "value", "expected"),
    [
        ("month", "pass", "load(month, current_user.ward)", ["current_user.ward"]),
        ("month", "ward = current_user.ward", "load(month, [ward])", ["current_user.ward"]),
        ("month", "pass", "load(month, 'free' if current_user.is_guest else 'all')", ["current_user.is_guest"]),
        ("(current_user.tenant, month)", "pass", "load(month, current_user.may_edit)", ["current_user.may_edit"]),
        ("(current_user.tenant, month)", "pass", "load(month, current_user.region)", []),
        ("f'{month}:{current_user.ward}'", "pass", "load(month, current_user.ward)", []),
        ("(current_user.id, month)", "pass", "load(month, current_user.ward)", []),
        ("(current_user.digest(), month)", "pass", "load(month, current_user.ward)", []),
        ("month", "log.info('for %s', current_user.ward)", "load(month)", []),
        ("month", "pass", "load(month, current_user.session)", []),
        ("month", "pass", "(current_user.ward, load(month))", []),
        ("month", "pass", "load(month, current_user.pk)", []),
        ("month", "pass", "create_page(month, current_user.ward)", []),
    ],
)
def test_what_the_key_leaves_out(key: str, first: str, value: str, expected: list[str]) -> None:
    analysis = analysed(TEXT.format(key=key, first=first, value=value))
    assert [each.whose for each in kept_by_less(analysis)] == expected
