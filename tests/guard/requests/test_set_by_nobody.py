"""What only puts away what it is told, and nothing calls, is no part of a request."""

import pytest

from netra.guard.requests.set_by_nobody import is_set_by_nobody
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

ROUTE = """
from fastapi import FastAPI
app = FastAPI()
_tenant = None
@app.get("/tenant")
def shown(): return _tenant
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def bind(service, tenant_id='default'):\n    global _tenant\n    _tenant = tenant_id", True),
        ("def bind(service, tenant_id):\n    global _tenant\n    _tenant = tenant_id", False),
        ("def bind(service, tenant_id=None):\n    global _tenant\n    _tenant = tenant_id", False),
        ("def bind(tenant_id='default'):\n    global _tenant\n    _tenant = tenant_id\n    return _tenant", False),
        ("def bind(tenant_id='default'):\n    global _tenant\n    _tenant = tenant_id\n    work()", False),
        ("def bind(tenant_id='default'):\n    global _tenant\n    _tenant = f'{tenant_id}'", False),
        ("@app.get('/a')\ndef bind(tenant_id='default'):\n    global _tenant\n    _tenant = tenant_id", False),
        (
            "def bind(tenant_id='default'):\n    global _tenant\n    _tenant = tenant_id\n@app.get('/a')\ndef a(t): bind(t)",
            False,
        ),
    ],
)
def test_a_setter(text: str, expected: bool) -> None:
    analysis = analysed(ROUTE + text)
    (write,) = (each for each in analysis.once(Sharing).writes if each.slot.name == "_tenant")
    assert is_set_by_nobody(write, analysis) is expected
