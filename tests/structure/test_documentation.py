"""What is not documented does not merge: every setting, every error code, and every path that a page names."""

import importlib
import inspect
import pkgutil
import re
from collections import Counter

import netra
from netra.errors import NetraError
from netra.settings.model import Settings
from tests.structure.pages import ERRORS, errors, errors_page
from tests.structure.source import ROOT

SETTINGS = ROOT / "docs/reference/settings.md"
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})


def test_every_setting_is_documented() -> None:
    page = SETTINGS.read_text("utf-8")
    assert [name for name in Settings.model_fields if f"`NETRA_{name.upper()}`" not in page] == []


def test_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"`NETRA_([A-Z0-9_]+)`", SETTINGS.read_text("utf-8")))
    assert sorted(documented - {name.upper() for name in Settings.model_fields}) == []


def test_the_page_of_errors_is_what_the_errors_say() -> None:
    assert ERRORS.read_text("utf-8") == errors_page(), "write it anew with: .venv/bin/python -m tests.structure.pages"


def test_no_two_errors_share_a_code() -> None:
    # A class without a code of its own speaks for its parent, on purpose.
    codes = Counter(kind.code for kind in errors() if "code" in vars(kind))
    assert {code: count for code, count in codes.items() if count > 1} == {}


def test_every_error_says_what_it_means() -> None:
    assert [kind.__name__ for kind in errors() if not inspect.getdoc(kind) or not vars(kind).get("__doc__")] == []


def test_every_error_has_a_status_that_an_error_can_have() -> None:
    assert [kind.__name__ for kind in errors() if not 400 <= kind.status <= 599] == []


def test_every_module_can_be_imported_by_itself() -> None:
    found = {info.name for info in pkgutil.walk_packages(netra.__path__, "netra.")}
    assert {name for name in found if importlib.import_module(name).__name__ != name} == set()
    assert NetraError in errors()


def test_every_path_that_a_page_names_exists() -> None:
    # A page that sends its reader to a file that was renamed is worse than no page.
    named = re.compile(r"`((?:src|tests|docs|bench|requirements)/[\w./-]+\.\w+)`|\]\(((?!https?:|mailto:|#)[^)#\s]+)")
    broken = []
    for page in PAGES:
        for quoted, linked in named.findall(page.read_text("utf-8")):
            target = ROOT / quoted if quoted else page.parent / linked
            if not target.exists():
                broken.append(f"{page.relative_to(ROOT)}: {quoted or linked}")
    assert broken == []
