from dataclasses import replace

import pytest

from netra.guard.facts import Expression
from netra.guard.requests.brought import Origin
from netra.guard.requests.sharing import Sharing, Write
from netra.guard.requests.slot_names import (
    is_called_of_one,
    is_called_the_last,
    is_for_all,
    is_of_the_last,
    is_setting,
    is_signing,
)
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
app = FastAPI()
class Kept: ...
kept = Kept()
state = {{}}
@app.post("/a")
async def {function}(value):
    {line}
"""


def written(line: str, function: str = "handle") -> Write:
    (write,) = Sharing(analysed(TEXT.format(line=line, function=function))).writes
    return write


@pytest.mark.parametrize(
    ("line", "of_one", "called_the_last", "of_the_last"),
    [
        ("kept.tenant = value", True, False, False),
        ("kept._current_user = value", True, True, False),
        ('state["user"] = value', True, False, False),
        ('state["last"] = value', False, False, True),
        ("kept.last_query = value", False, True, False),
        ("kept.total = value", False, False, False),
    ],
)
def test_what_the_name_of_a_place_says(line: str, of_one: bool, called_the_last: bool, of_the_last: bool) -> None:
    write = written(line)
    assert (is_called_of_one(write), is_called_the_last(write), is_of_the_last(write)) == (of_one, called_the_last, of_the_last)


def test_a_header_that_signs_in_is_told_from_others() -> None:
    write = written('state["Authorization"] = value')

    def sent(name: str, key: Expression) -> bool:
        return is_signing(replace(write, slot=replace(write.slot, name=name), key=key))

    assert sent("headers", ("string", "Authorization"))
    assert not sent("headers", ("string", "Accept"))
    assert not sent("state", ("string", "Authorization"))


def test_what_is_set_for_all_says_so_by_the_name_of_the_place_or_of_the_function() -> None:
    data, user = (Origin("value", (), personal=personal) for personal in (False, True))
    assert is_setting(written("kept.settings = value"), user)
    assert is_setting(written("kept.total = value", "configure"), user)
    assert is_setting(written("kept.total = value", "mount_all"), data)
    assert not is_setting(written("kept.total = value", "mount_all"), user)
    assert not is_setting(written("kept.total = value"), data)
    assert [name for name in ("mount_all", "update_limits", "handle") if is_for_all(name)] == ["mount_all", "update_limits"]
