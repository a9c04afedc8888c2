"""What is seen of a dataset that is on its way, and of one whose process has died."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netra.datasets.loading import (
    ORIGINAL,
    PROGRESS,
    ROWS,
    LoadingDataset,
    LoadingFolder,
    find_loading,
    is_held,
    list_loading,
)
from netra.ids import DatasetId, new_uuid

FILLING = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from netra.datasets.loading import LoadingDataset, LoadingFolder

target = Path(sys.argv[1])
folder = LoadingFolder(target, LoadingDataset(UUID(target.name), "May", "receiving", datetime.now(UTC)), lambda _: None)
folder.begin()
(folder.partial / "original").write_bytes(b"half of it")
print("filling", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "owner" / str(new_uuid())


def begun(target: Path) -> LoadingFolder:
    loading = LoadingDataset(DatasetId(new_uuid()), "May", "receiving", datetime.now(UTC))
    folder = LoadingFolder(target, loading, lambda _: None)
    folder.begin()
    return folder


def test_what_is_said_is_seen_until_the_end_and_nothing_is_left(target: Path) -> None:
    folder = begun(target)
    folder.say("reading", received=10, records=3, share=0.5)
    seen = find_loading(target)
    assert seen is not None
    assert (seen.name, seen.stage, seen.received, seen.records, seen.share) == ("May", "reading", 10, 3, 0.5)
    assert list(list_loading(target.parent)) == [seen]
    folder.end()
    assert find_loading(target) is None
    assert list(target.parent.iterdir()) == []


def test_it_is_loading_until_its_row_is_there_although_its_files_are_whole(target: Path) -> None:
    folder = begun(target)
    for name in (ORIGINAL, ROWS):
        (folder.partial / name).write_bytes(b"x")
    folder.publish()
    assert find_loading(target) is not None
    folder.end()
    assert find_loading(target) is None
    assert {path.name for path in target.iterdir()} == {ORIGINAL, ROWS}


def test_of_a_killed_process_nothing_is_seen_and_its_folder_is_nobodys(target: Path) -> None:
    command = [sys.executable, "-c", FILLING, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"filling\n"
        seen = find_loading(target)
        assert seen is not None
        assert str(seen.id) == target.name
        process.kill()
    assert find_loading(target) is None
    assert list(list_loading(target.parent)) == []
    (left,) = target.parent.iterdir()
    assert (left / PROGRESS).exists()
    assert not is_held(left)


def test_a_word_in_a_folder_that_netra_did_not_write_is_no_dataset(target: Path) -> None:
    folder = begun(target)
    for text in ("", "[]", "{}", '{"id": "x", "stage": "reading"}', f'{{"id": "{new_uuid()}", "stage": "done"}}'):
        (folder.partial / PROGRESS).write_text(text)
        assert find_loading(target) is None
    folder.end()


def test_a_folder_that_is_gone_is_held_by_nobody(target: Path) -> None:
    assert not is_held(target)
    assert find_loading(target) is None
