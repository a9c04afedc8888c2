import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from netra.guard import rules
from netra.guard.faults import Edit, Fault, Mend
from netra.guard.output.report import Findings
from netra.guard.output.sarif import sarif
from netra.guard.values import Step
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


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    """The schema of SARIF 2.1.0; `sarif-2.1.0.md` says where it is from."""
    written = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text("utf-8"))
    Draft202012Validator.check_schema(written)
    return Draft202012Validator(written, format_checker=FormatChecker())


def reported(*found: Fault) -> dict[str, Any]:
    lines = {fault.path: ["é = 1"] for fault in found}
    log: dict[str, Any] = json.loads(sarif(Findings(found, lines, rules.load(), 1, 1, 0.1)))
    return log


def fault(code: str, path: str = "app.py", mend: Mend | None = None, why: tuple[Step, ...] = ()) -> Fault:
    return Fault(code, "rule", path, 1, 0, 1, f"about {code}", why, ("GET /",), mend, "medium", "f" * 20, "")


def test_a_log_is_what_the_schema_asks_for(schema: Draft202012Validator) -> None:
    schema.validate(json.loads(sarif(findings())))
    schema.validate(reported())


def test_every_rule_and_every_part_of_a_finding_is_what_the_schema_asks_for(schema: Draft202012Validator) -> None:
    why = (Step("a b/é.py", 3, "because"), Step("", 1, "as everybody knows"))
    mend = Mend("do it", (Edit(1, 0, 1, 2, "x"),))
    schema.validate(reported(*(fault(code, "folder/a b%:é\udcff.py", mend, why) for code in rules.load())))


def test_the_schema_refuses_what_is_no_log(schema: Draft202012Validator) -> None:
    log = json.loads(sarif(findings()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert not schema.is_valid(log)


def test_a_path_is_a_reference_relative_to_the_working_directory() -> None:
    (result,) = reported(fault("A101", "a b/é:%.py"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%A9%3A%25.py"


def test_an_edit_is_told_in_letters() -> None:
    (result,) = reported(fault("A101", mend=Mend("await it", (Edit(1, 2, 1, 5, "await "),))))["runs"][0]["results"]
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    assert replacement["deletedRegion"] == {"startLine": 1, "startColumn": 2, "endLine": 1, "endColumn": 5}
    assert replacement["insertedContent"] == {"text": "await "}


def test_words_of_advice_are_no_fix() -> None:
    (result,) = reported(fault("A101", mend=Mend("think about it")))["runs"][0]["results"]
    assert "fixes" not in result
