import json

from netra.guard.output.document import document
from tests.guard.output.examples import findings


def test_the_document_has_the_shape_of_the_contract() -> None:
    whole = json.loads(document(findings()))
    assert list(whole) == ["version", "summary", "findings"]
    assert whole["version"] == 1
    assert whole["summary"]["by_code"] == {"A101": 1, "A104": 1}
    assert whole["findings"][0]["reach"] == ["GET /a: b, c%"]
    assert whole["findings"][0]["fix"]["edits"] == [{"line": 8, "column": 4, "end_line": 8, "end_column": 4, "text": "await "}]
