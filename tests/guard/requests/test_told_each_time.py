"""What is told with every call for whom it works, is nobody's own."""

import pytest

from netra.guard.requests.storing import Storing
from netra.guard.requests.told_each_time import is_told_each_time
from tests.guard.programs import analysed

TEXT = """
from fastapi import Depends, FastAPI
app = FastAPI()
clients = {}
def get_current_user(): ...
def client_of(gateway, settings):
    if gateway not in clients:
        clients[gateway] = Client(gateway, settings)
    return clients[gateway]
@app.get("/a")
async def a(gateway: str, current_user=Depends(get_current_user)):
    settings = await allowed(gateway, current_user)
    {line}
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("client = client_of(gateway, settings); return client.teams(current_user)", True),
        ("return client_of(gateway, settings).teams(current_user)", True),
        ("client = client_of(gateway, settings); return client.teams()", False),
        ("client = client_of(gateway, settings); return other.teams(current_user)", False),
    ],
)
def test_a_client_is_told_whose_it_is_asked_for(line: str, expected: bool) -> None:
    (write,) = [write for write, _ in analysed(TEXT.replace("{line}", line)).once(Storing).told]
    assert is_told_each_time(write) is expected
