import json

from netra.guard.output.sarif import sarif
from tests.guard.output.examples import findings


def test_every_result_names_a_rule_of_the_log_and_a_place_in_a_file() -> None:
    (run,) = json.loads(sarif(findings()))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "app.py"
        assert place["region"]["endLine"] >= place["region"]["startLine"]
        assert result["partialFingerprints"]["netraGuard/v1"]


def test_columns_count_letters_and_begin_with_one() -> None:
    (run,) = json.loads(sarif(findings()))["runs"]
    assert run["results"][1]["locations"][0]["physicalLocation"]["region"]["startColumn"] == 14


def test_what_proves_a_finding_is_a_flow_of_places() -> None:
    (run,) = json.loads(sarif(findings()))["runs"]
    (step,) = run["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert step["location"]["physicalLocation"]["region"] == {"startLine": 4}
