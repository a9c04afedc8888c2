"""What a hook sets before each request is set for the function that answers, which others may come before."""

import pytest

from netra.guard.requests.set_before import is_set_before
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed


def _text(hook: str, answer: str = "    return prices.zone\n", name: str = "fare") -> str:
    lines = ["from flask import Flask, request", "app = Flask(__name__)", "class Prices:", "    zone = None", "    seen = 0"]
    lines += ["prices = Prices()", "@app.before_request", f"def prepare():\n{hook}"]
    return "\n".join([*lines, f"@app.get('/{name}')", f"def {name}():\n{answer}"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_text("    prices.zone = request.args['zone']\n"), True),
        (_text("    if 'zone' in request.args: prices.zone = request.args['zone']\n"), True),
        (_text("    if prices.zone is None: prices.zone = request.args['zone']\n"), False),
        (_text("    prices.zone = request.url_root\n"), False),
        (_text("    prices.zone = request.args['zone']\n", "    return 1\n"), False),
        (_text("    prices.zone = request.args['zone']\n", name="health"), False),
        (_text("    prices.seen = request.args['zone']\n", "    return prices.seen\n"), False),
    ],
)
def test_what_a_hook_of_flask_sets(text: str, expected: bool) -> None:
    analysis = analysed(text)
    assert is_set_before(next(iter(analysis.once(Sharing).writes)), analysis) is expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [("", False), ("    weight = await scales.read(name)\n", True)],
)
def test_on_a_loop_somebody_has_to_wait_in_between(first: str, expected: bool) -> None:
    lines = [
        "from fastapi import Depends, FastAPI, Header",
        "app = FastAPI()",
        "class Desk:",
        "    unit = None",
        "desk = Desk()",
    ]
    lines += ["async def choose(unit: str = Header()):", "    desk.unit = unit"]
    lines += ["@app.get('/a', dependencies=[Depends(choose)])", f"async def weigh(name: str):\n{first}    return desk.unit"]
    analysis = analysed("\n".join(lines))
    assert is_set_before(next(iter(analysis.once(Sharing).writes)), analysis) is expected
