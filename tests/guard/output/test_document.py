import json

from netra.guard.output.document import document
from tests.guard.output.examples import findings


def test_the_document_has_the_shape_of_the_contract() -> None:
    whole = json.loads(document(findings()))
    assert list(whole) == ["version", "summary", "looked_at", "findings"]
    assert whole["version"] == 1
    assert whole["summary"]["by_code"] == {"A101": 1, "A104": 1}
    assert whole["findings"][0]["reach"] == ["GET /a: b, c%"]
    assert whole["findings"][0]["fix"]["edits"] == [{"line": 8, "column": 4, "end_line": 8, "end_column": 4, "text": "await "}]


def test_a_finding_has_the_fields_of_the_contract_and_no_other() -> None:
    for found in json.loads(document(findings()))["findings"]:
        assert list(found) == ("code rule path line column end_line message why reach fix confidence fingerprint".split())
        assert all(list(step) == ["path", "line", "note"] for step in found["why"])
        assert list(found["fix"]) == ["description", "safe", "edits"]
