import re
import subprocess
import sys
from pathlib import Path

SRC = Path(__file__).parents[2] / "src"


def test_guard_runs_without_anything_but_the_standard_library(tmp_path: Path) -> None:
    # -S leaves site-packages out, -I the environment and the working directory.
    (tmp_path / "a.py").write_text("async def f(): ...\ndef g():\n    f()\n")
    code = f"import sys; sys.path.insert(0, {str(SRC)!r}); import types; sys.modules['netra'] = n = types.ModuleType('netra')"
    code += f"; n.__path__ = [{str(SRC / 'netra')!r}]; sys.argv = ['guard', '.', '--no-cache']"
    code += "; import runpy; runpy.run_module('netra.guard', run_name='__main__')"
    done = subprocess.run([sys.executable, "-ISc", code], check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "a.py:3:5: A101" in done.stdout


def test_the_process_ends_without_taking_apart_what_it_has_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("async def f(): ...\ndef g():\n    f()\n")
    code = "import atexit, gc, runpy, sys; sys.argv = ['guard', '.', '--no-cache', '--output', 'found.txt']"
    code += "; atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count()))"
    code += "; runpy.run_module('netra.guard', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (1, "True")


def test_the_hook_of_pre_commit_reads_the_whole_program_and_fails_on_a_finding(tmp_path: Path) -> None:
    hook = dict(re.findall(r"^[- ] (\w+): (.*)$", (SRC.parent / ".pre-commit-hooks.yaml").read_text("utf-8"), re.MULTILINE))
    assert (hook["id"], hook["pass_filenames"]) == ("netra-guard", "false")
    (tmp_path / "a.py").write_text("async def f(): ...\ndef g():\n    f()\n")
    program, *arguments = hook["entry"].split()
    assert program == "python"
    done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "a.py:3:5: A101" in done.stdout
