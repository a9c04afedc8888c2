import json
from pathlib import Path

import pytest

from netra.guard.command import main
from netra.guard.source.installed import MOST_OF_A_PACKAGE, NoEnvironment, beside, folders

APP = """
from bank import Account, opened, VERSION
import bank

async def work(account: Account):
    account.pay(1)
    account.close()
    opened("x").close()
    bank.reached()
    account.name()
"""
PACKAGE = {
    "bank/__init__.py": "from .accounts import Account as Account\nfrom .accounts import *\nfrom .lost import Nobody\n",
    "bank/accounts.py": """
from .ledger import Ledger
class Account(Ledger):
    async def pay(self, amount): ...
    def name(self): return "x"
def opened(name: str) -> Account: ...
async def reached(): ...
""",
    "bank/ledger.py": "class Ledger:\n    async def close(self) -> None: ...\n",
    "bank/unasked.py": "raise RuntimeError('imported')\n",
}


def environment(folder: Path, files: dict[str, str]) -> Path:
    packages = folder / "lib/python3.11/site-packages"
    for name, text in files.items():
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(text)
    (folder / "pyvenv.cfg").write_text("")
    (folder / "bin").mkdir()
    (folder / "bin/python").write_text("")
    return packages


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(APP)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[int]:
    main(["app.py", "--format", "json", "--select", "A101", *arguments])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {each["path"] for each in found} <= {"app.py"}
    return [each["line"] for each in found]


def test_what_is_installed_tells_what_calls_give(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment(here / "elsewhere", PACKAGE)
    assert lines(capsys) == []
    for python in ("elsewhere", "elsewhere/bin/python", "elsewhere/lib/python3.11/site-packages"):
        assert lines(capsys, "--python", python) == [6, 7, 8, 9]


def test_an_environment_beside_the_code_is_found_without_being_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment(here / ".venv", PACKAGE)
    assert beside([here / "app.py"]) == here / ".venv"
    assert lines(capsys) == [6, 7, 8, 9]


def test_an_environment_where_somebody_stands_is_not_that_of_code_elsewhere(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment(here / ".venv", PACKAGE)
    assert beside([tmp_path_factory.mktemp("elsewhere")]) is None
    (here / "src/deep").mkdir(parents=True)
    assert beside([here / "src/deep"]) == here / ".venv"


def test_a_package_that_changes_is_read_anew(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages = environment(here / ".venv", PACKAGE)
    assert lines(capsys) == lines(capsys) == [6, 7, 8, 9]
    (packages / "bank/ledger.py").write_text("class Ledger:\n    def close(self) -> None: ...  # not any more\n")
    assert lines(capsys) == [6, 9]


def test_stubs_are_read_in_the_stead_of_code(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packages = environment(here / ".venv", PACKAGE)
    (packages / "bank/ledger.pyi").write_text("class Ledger:\n    def close(self) -> None: ...\n")
    assert lines(capsys) == [6, 9]
    (packages / "bank-stubs").mkdir()
    (packages / "bank-stubs/__init__.pyi").write_text("class Account:\n    async def name(self) -> str: ...\n")
    assert lines(capsys) == [10]


def test_a_class_that_cannot_be_found_in_a_package_is_no_other_of_that_name(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(here / ".venv", {"bank/__init__.py": "from .lost import AsyncSession\n"})
    Path("app.py").write_text("from bank import AsyncSession\nasync def work(session: AsyncSession):\n    session.commit()\n")
    assert lines(capsys) == []


def test_only_what_is_wanted_is_read_and_of_a_huge_package_not_all(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"huge/m{number}.py": "async def f(): ...\n" for number in range(MOST_OF_A_PACKAGE + 10)}
    environment(here / ".venv", PACKAGE | many | {"huge/__init__.py": ""})
    Path("app.py").write_text("".join(f"from huge.m{number} import f as f{number}\n" for number in range(60)) + "f1()\n")
    assert lines(capsys) == [61]
    (cached,) = Path(".guard_cache").glob("facts-*")
    read = cached.read_bytes()
    assert read.count(b"site-packages/huge/m") == MOST_OF_A_PACKAGE
    assert b"unasked" not in read


def test_a_path_without_packages_is_an_error(here: Path) -> None:
    with pytest.raises(NoEnvironment):
        folders(here)
    assert main(["app.py", "--python", "nowhere"]) == 2
