from pathlib import Path

import pytest

from netra.guard.baseline import BaselineUnreadable, read, write
from tests.guard.programs import faults


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    found = faults("async def f(): ...\ndef g():\n    f()\n", "A101")
    write(tmp_path / "baseline.json", found)
    assert read(tmp_path / "baseline.json") == {found[0].fingerprint}


def test_what_is_no_baseline_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[]")
    for name in ("other.json", "gone.json"):
        with pytest.raises(BaselineUnreadable, match=name):
            read(tmp_path / name)
