"""What a checker printed, as findings that can be counted beside those of another."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

FAMILY_TABLE: Final = Path(__file__).with_name("families.toml")
OTHER: Final = "other"


class CheckerFinding(NamedTuple):
    """One finding: `rule` is the checker's own name of it, `path` is relative to the folder of the package."""

    rule: str
    path: str
    line: int
    message: str


class ReportUnreadable(Exception):
    """The checker printed something that is not its report."""


@cache
def families() -> dict[str, dict[str, Any]]:
    """Checker → rule → the family it belongs to, as `families.toml` has it."""
    return tomllib.loads(FAMILY_TABLE.read_text("utf-8"))


def family(checker: str, finding: CheckerFinding) -> str:
    """The letter of guard's family that a finding belongs to, or "other". Guard's own codes begin with it."""
    if checker == "guard":
        return finding.rule[0]
    table = families()[checker]
    for rule, meant in table.items():
        if rule == finding.rule or (rule.endswith("*") and finding.rule.startswith(rule[:-1])):
            if isinstance(meant, str):
                return meant
            if any(text in finding.message for text in meant["text"]):
                return str(meant["family"])
    return OTHER


def findings(checker: str, printed: str, folder: Path) -> list[CheckerFinding]:
    """The findings in a checker's report, sorted by place. Raises ReportUnreadable."""
    read = READERS[checker]
    try:
        found = list(read(printed))
    except (ValueError, KeyError, TypeError) as error:
        raise ReportUnreadable(f"{checker}: {error!r} in {printed[:200]!r}") from error
    return sorted(each._replace(path=_relative(each.path, folder)) for each in found)


def _relative(path: str, folder: Path) -> str:
    # Some print paths from where they ran, some whole ones, one with `..` in it.
    whole = (folder / path).resolve()
    return whole.relative_to(folder.resolve()).as_posix() if whole.is_relative_to(folder.resolve()) else path


def _one_line(message: object) -> str:
    return " ".join(str(message).split())


def _ruff(printed: str) -> Iterator[CheckerFinding]:
    for each in json.loads(printed):
        rule = each["code"] or "invalid-syntax"
        yield CheckerFinding(rule, each["filename"], each["location"]["row"], _one_line(each["message"]))


def _pylint(printed: str) -> Iterator[CheckerFinding]:
    for each in json.loads(printed)["messages"]:
        yield CheckerFinding(each["symbol"], each["path"], each["line"], _one_line(each["message"]))


def _mypy(printed: str) -> Iterator[CheckerFinding]:
    for line in printed.splitlines():
        if line.startswith("{"):
            each = json.loads(line)
            if each["severity"] == "error":
                yield CheckerFinding(each["code"] or "syntax", each["file"], each["line"], _one_line(each["message"]))


def _basedpyright(printed: str) -> Iterator[CheckerFinding]:
    for each in json.loads(printed)["generalDiagnostics"]:
        if each["severity"] != "information":
            # What is said of a file as a whole has no range.
            line = each["range"]["start"]["line"] if "range" in each else 0
            yield CheckerFinding(each.get("rule", "syntax"), each["file"], line + 1, _one_line(each["message"]))


def _ty(printed: str) -> Iterator[CheckerFinding]:
    for each in json.loads(printed):
        begin: Mapping[str, int] = each["location"]["positions"]["begin"]
        message = each["description"].removeprefix(f"{each['check_name']}: ")
        yield CheckerFinding(each["check_name"], each["location"]["path"], begin["line"], _one_line(message))


def _pyrefly(printed: str) -> Iterator[CheckerFinding]:
    for each in json.loads(printed)["errors"]:
        yield CheckerFinding(each["name"], each["path"], each["line"], _one_line(each["concise_description"]))


def _guard(printed: str) -> Iterator[CheckerFinding]:
    for each in json.loads(printed)["findings"]:
        yield CheckerFinding(each["code"], each["path"], each["line"], _one_line(each["message"]))


READERS: Final = {
    "ruff": _ruff,
    "pylint": _pylint,
    "mypy": _mypy,
    "basedpyright": _basedpyright,
    "ty": _ty,
    "pyrefly": _pyrefly,
    "guard": _guard,
}
