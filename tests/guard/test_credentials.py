"""`netra.guard.credentials`: what one object was given, and that it puts into the environment of all."""

import pytest

from netra.guard.credentials import given_to_one
from netra.guard.environment import Touch, accesses
from netra.guard.facts import Expression
from tests.guard.programs import analysed

TEXT = """
import os
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
def index(): return Speech("key").speak()
class Voice:
    def __init__(self, key=None):
        self.key = key or "none"
        self.place = "here"
class {kind}(Voice):
    def {method}(self, other=None):
        os.environ["{variable}"] = {value}
"""


@pytest.mark.parametrize(
    ("kind", "method", "variable", "value", "given"),
    [
        ("Speech", "speak", "SPEECH_KEY", "self.key", "self.key"),
        ("Speech", "speak", "SPEECH_KEY", "other", "other"),
        ("Speech", "speak", "SPEECH_KEY", "self.place", None),
        ("Speech", "speak", "SPEECH_MODE", "self.key", None),
        ("Speech", "set_key", "SPEECH_KEY", "other", None),
        ("SpeechSettings", "speak", "SPEECH_KEY", "self.key", None),
    ],
)
def test_a_credential_of_one_object_is_written_for_all(
    kind: str, method: str, variable: str, value: str, given: str | None
) -> None:
    analysis = analysed(TEXT.format(kind=kind, method=method, variable=variable, value=value))
    written = next(each for each in analysis.once(accesses) if each.touch is Touch.WRITE)
    values: list[Expression] = [each.value for each in written.scope.facts.assignments if each.line == written.line]
    assert given_to_one(written, values, analysis) == given
