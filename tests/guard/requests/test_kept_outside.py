import pytest

from netra.guard.requests.kept_outside import given_for_ever
from tests.guard.programs import analysed


def _found(call: str, more: str = "") -> list[str]:
    text = f"""
import atexit, logging
from fastapi import FastAPI
from django.db.models.signals import post_save
app = FastAPI()
log = logging.getLogger("shop")
def audit(sender): ...
@app.post("/runs/{{run_id}}")
async def run(run_id: str):
    def clean(): return run_id
    {call}
{more}
"""
    return [each.what for each in given_for_ever(analysed(text))]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("atexit.register(clean)", ["atexit.register(…)"]),
        ("atexit.register(audit)", []),
        ("post_save.connect(clean, weak=False)", ["post_save.connect(…)"]),
        ("post_save.connect(clean)", []),
        ("log.addHandler(logging.FileHandler(run_id))", ["log.addHandler(…)"]),
        ("log.addHandler(logging.StreamHandler())", []),
        ("logging.getLogger(run_id).addHandler(logging.FileHandler(run_id))", []),
    ],
)
def test_what_is_made_for_one_request_is_given_for_the_process(call: str, expected: list[str]) -> None:
    assert _found(call) == expected


def test_what_the_file_takes_back_is_not_given_for_ever() -> None:
    assert _found("atexit.register(clean); atexit.unregister(clean)") == []
    assert _found("atexit.register(clean)", "def end(): atexit.unregister(audit)") == ["atexit.register(…)"]
