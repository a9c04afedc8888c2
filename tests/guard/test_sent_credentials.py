"""What stands in the headers of a request is found under the name that the settings have for it."""

import pytest

from netra.guard.environment import accesses
from netra.guard.sent_credentials import SentCredentials, is_credential, is_made_up
from netra.guard.standing_in import Substitute
from tests.guard.programs import analysed, of_class

FILES = {
    "app/__init__.py": "",
    "app/settings.py": """
import os
HEAD_TOKEN = os.getenv("HEAD_TOKEN")
BODY_TOKEN = os.getenv("BODY_TOKEN")
SHOWN_TOKEN = os.getenv("SHOWN_TOKEN")
PARTNER = {"secret": os.getenv("PARTNER_SECRET"), "name": os.getenv("PARTNER_NAME")}
class Client:
    key: str
class Other:
    key: str
""",
    "app/web.py": """
import os
import httpx
from app import settings
from app.settings import Client, PARTNER
def ask():
    token = settings.HEAD_TOKEN
    headers = {"Authorization": f"Bearer {token}"}
    httpx.get("https://x", headers=headers)
    httpx.post("https://x", json={"token": settings.BODY_TOKEN, "secret": PARTNER["secret"]})
    httpx.post("https://x", headers={"X-Token": os.getenv("DIRECT_TOKEN")})
    print({"token": settings.SHOWN_TOKEN})
class Below(Client):
    def ask(self):
        httpx.get("https://x", headers={"X-Api-Key": self.key})
""",
}


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("HEAD_TOKEN", 8),
        ("BODY_TOKEN", 10),
        ("PARTNER_SECRET", 10),
        ("DIRECT_TOKEN", 11),
        ("SHOWN_TOKEN", None),
        ("PARTNER_NAME", None),
    ],
)
def test_a_read_leads_to_where_it_is_sent(variable: str, expected: int | None) -> None:
    analysis = analysed(FILES)
    (access,) = [each for each in analysis.once(accesses) if each.variable == variable]
    step = analysis.once(SentCredentials).of_access(access)
    assert (None if step is None else step.line) == expected


def test_a_field_is_sent_by_the_methods_of_its_class_and_of_those_below() -> None:
    analysis = analysed(FILES)
    sent = analysis.once(SentCredentials)
    assert sent.of_field("key", of_class(analysis.program, "app.settings.Client"))
    assert sent.of_field("key", of_class(analysis.program, "app.settings.Other")) is None


@pytest.mark.parametrize(
    ("name", "expected"), [("PARTNER_TOKEN", True), ("api_key", True), ("RECAPTCHA_SITE_KEY", False), ("OLLAMA_API_KEY", False)]
)
def test_a_credential_is_called_so(name: str, expected: bool) -> None:
    assert is_credential(name) is expected


@pytest.mark.parametrize(("text", "expected"), [("partner-1", True), ("not-needed", False), ("EMPTY", False), ("", False)])
def test_what_says_that_none_is_needed_is_not_made_up(text: str, expected: bool) -> None:
    analysis = analysed("x = 1")
    top = analysis.program.modules["example"].top
    assert is_made_up(analysis, Substitute(("string", text), top, 1, 0)) is expected
