from pathlib import Path

import netra.guard.rules
from netra.guard import rules


def test_every_file_of_the_folder_is_one_rule() -> None:
    folder = Path(netra.guard.rules.__file__).parent
    files = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    assert sorted(rule.check.__module__.rpartition(".")[2] for rule in rules.load().values()) == files


def test_a_file_has_the_name_of_its_rule() -> None:
    for rule in rules.load().values():
        assert rule.check.__module__.rpartition(".")[2] == rule.name.replace("-", "_"), rule.code
        assert rule.check.__name__ == rule.name.replace("-", "_"), rule.code
