"""Datasets over a real database and a real folder."""

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import pytest

from netra.datasets.loading import LoadingDataset, LoadingFolder
from netra.datasets.store import (
    ORPHAN_AFTER,
    DatasetInfo,
    DatasetLoading,
    Datasets,
    DatasetTooLarge,
    StorageRefused,
)
from netra.db.database import Database
from netra.errors import InvalidInput, NotFound
from netra.ids import DatasetId, UserId, new_uuid

CONTENT = b"timestamp,input_tokens,output_tokens\n2026-01-01T00:00:00Z,1,2\n2026-01-02T00:00:00Z,3,x\n"


async def chunks(content: bytes, size: int = 7) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.fixture
def datasets(database: Database, tmp_path: Path) -> Datasets:
    return Datasets(database, tmp_path / "datasets", max_bytes=1_000_000)


def files(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "datasets").rglob("*") if path.is_file()}


async def names(datasets: Datasets, user_id: UserId) -> list[str]:
    return [dataset.name for dataset in (await datasets.list(user_id)).items]


async def test_an_upload_is_stored_and_described(datasets: Datasets, alice: UserId, tmp_path: Path) -> None:
    created = await datasets.create(alice, " January ", chunks(CONTENT))
    assert (created.name, created.format, created.rows, created.rejected) == ("January", "csv", 1, 1)
    assert (created.bytes, created.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert created.mapping == {"at": "timestamp", "input_tokens": "input_tokens", "output_tokens": "output_tokens"}
    assert created.problems == (
        {"line": 3, "field": "output_tokens", "reason": "not a whole number, zero or more", "value": "x"},
    )
    assert created.notes == ("1 of 2 rows could not be read and are left out of every figure.",)
    assert created.first_at is not None
    assert created.first_at == created.last_at
    assert created.first_at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert await datasets.get(alice, created.id) == created
    folder = tmp_path / "datasets" / str(alice) / str(created.id)
    assert (folder / "original").read_bytes() == CONTENT
    assert files(tmp_path) == {"original", "rows.parquet"}


async def test_two_users_with_a_dataset_of_one_name_never_meet(datasets: Datasets, alice: UserId, bob: UserId) -> None:
    hers = await datasets.create(alice, "usage", chunks(b"input_tokens,output_tokens\n111,1\n"))
    his = await datasets.create(bob, "usage", chunks(b"input_tokens,output_tokens\n222,2\n"))
    for user, own, other, tokens in ((alice, hers, his, 111), (bob, his, hers, 222)):
        assert [dataset.id for dataset in (await datasets.list(user)).items] == [own.id]
        async with datasets.open(user, own.id) as query:
            assert await query.fetch("SELECT input_tokens FROM usage") == [(tokens,)]
        for refused in (datasets.get(user, other.id), datasets.path(user, other.id), datasets.delete(user, other.id)):
            with pytest.raises(NotFound) as foreign:
                await refused
            with pytest.raises(NotFound) as unknown:
                await datasets.get(user, DatasetId(new_uuid()))
            assert str(foreign.value) == str(unknown.value)
        with pytest.raises(NotFound):
            async with datasets.open(user, other.id):
                pass


async def test_an_original_is_read_by_its_owner_alone(datasets: Datasets, alice: UserId, bob: UserId) -> None:
    hers = await datasets.create(alice, "usage", chunks(b"input_tokens,output_tokens,prompt\n1,2,hers\n"))
    async with datasets.open_original(alice, hers.id, lambda columns: columns[2:]) as query:
        assert await query.fetch("SELECT texts FROM original") == [(["hers"],)]
    with pytest.raises(NotFound) as foreign:
        async with datasets.open_original(bob, hers.id, lambda columns: columns):
            pass
    with pytest.raises(NotFound) as unknown:
        async with datasets.open_original(bob, DatasetId(new_uuid()), lambda columns: columns):
            pass
    assert str(foreign.value) == str(unknown.value)


async def test_a_dataset_is_found_by_its_id_or_as_the_newest_of_its_name(
    datasets: Datasets, alice: UserId, bob: UserId
) -> None:
    first, second = [await datasets.create(alice, "usage", chunks(CONTENT)) for _ in range(2)]
    his = await datasets.create(bob, "usage", chunks(CONTENT))
    named_like_it = await datasets.create(alice, str(first.id), chunks(CONTENT))
    for reference, expected in (("usage", second), (str(first.id), first), (str(named_like_it.id), named_like_it)):
        assert (await datasets.find(alice, reference)).id == expected.id
    for reference in ("Usage", "", "\0", str(his.id), str(new_uuid())):
        with pytest.raises(NotFound):
            await datasets.find(alice, reference)


async def test_the_same_file_twice_is_two_datasets(datasets: Datasets, alice: UserId) -> None:
    first, second = [await datasets.create(alice, "usage", chunks(CONTENT)) for _ in range(2)]
    await datasets.delete(alice, first.id)
    async with datasets.open(alice, second.id) as query:
        assert await query.fetch_one("SELECT count(*) FROM usage") == (1,)


async def test_a_list_is_paged_newest_first_without_gap_or_repeat(datasets: Datasets, alice: UserId, bob: UserId) -> None:
    for number in range(5):
        await datasets.create(alice, f"number {number}", chunks(CONTENT))
    await datasets.create(bob, "his", chunks(CONTENT))
    seen: list[DatasetInfo] = []
    cursor = None
    for expected in (2, 2, 1):
        page = await datasets.list(alice, cursor, limit=2)
        assert len(page.items) == expected
        seen += page.items
        cursor = page.next_cursor
    assert cursor is None
    assert [dataset.name for dataset in seen] == [f"number {number}" for number in reversed(range(5))]


async def test_a_cursor_that_no_page_gave_is_refused(datasets: Datasets, alice: UserId) -> None:
    with pytest.raises(InvalidInput) as refused:
        await datasets.list(alice, "' OR true; --")
    assert refused.value.extra["field"] == "cursor"


async def test_a_deleted_dataset_is_gone_with_its_files(datasets: Datasets, alice: UserId, tmp_path: Path) -> None:
    created = await datasets.create(alice, "usage", chunks(CONTENT))
    await datasets.delete(alice, created.id)
    assert files(tmp_path) == set()
    assert await names(datasets, alice) == []
    with pytest.raises(NotFound):
        await datasets.delete(alice, created.id)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"file_format": "xlsx"}, "format"),
        ({"chunks": chunks(b"")}, "file"),
        ({"chunks": chunks(b"\x00\x01\x02")}, "file"),
        ({"mapping": {"input_tokens": "no such column"}}, "mapping.input_tokens"),
        ({"chunks": chunks(b"x" * 1_000_001, 4096)}, "file"),
    ],
    ids=["no name", "long name", "nul", "line end", "format", "empty", "binary", "mapping", "large"],
)
async def test_a_refused_upload_names_the_field_and_leaves_nothing(
    datasets: Datasets, alice: UserId, tmp_path: Path, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await datasets.create(alice, **{"name": "usage", "chunks": chunks(CONTENT), **arguments})
    assert refused.value.extra["field"] == field
    assert files(tmp_path) == set()
    assert await names(datasets, alice) == []


async def test_an_upload_is_refused_as_soon_as_it_is_too_large(datasets: Datasets, alice: UserId, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async with asyncio.timeout(30):
        with pytest.raises(DatasetTooLarge) as refused:
            await datasets.create(alice, "usage", endless())
    assert (refused.value.status, refused.value.extra["limit"]) == (413, 1_000_000)
    assert files(tmp_path) == set()


async def test_a_file_of_exactly_the_limit_is_taken(database: Database, alice: UserId, tmp_path: Path) -> None:
    datasets = Datasets(database, tmp_path / "datasets", max_bytes=len(CONTENT))
    assert (await datasets.create(alice, "usage", chunks(CONTENT))).bytes == len(CONTENT)
    with pytest.raises(DatasetTooLarge):
        await datasets.create(alice, "usage", chunks(CONTENT + b"\n"))


async def test_an_upload_that_breaks_off_leaves_nothing(datasets: Datasets, alice: UserId, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionResetError

    with pytest.raises(StorageRefused):
        await datasets.create(alice, "usage", broken())
    assert files(tmp_path) == set()
    assert await names(datasets, alice) == []


async def test_an_upload_cancelled_at_any_point_leaves_all_of_it_or_nothing(
    datasets: Datasets, alice: UserId, tmp_path: Path
) -> None:
    """Cancel after 0, 1, 2, … milliseconds, until an upload is through before its cancellation."""
    own = tmp_path / "datasets" / str(alice)
    for turns in range(10_000):
        task = asyncio.create_task(datasets.create(alice, "usage", chunks(CONTENT, 1000)))
        for _ in range(turns):
            await asyncio.sleep(0.001)
            if task.done():
                break
        through = task.done()
        task.cancel()
        async with asyncio.timeout(30):
            await asyncio.wait([task])
        if through:
            break
        listed = (await datasets.list(alice)).items
        for dataset in listed:  # committed at the very moment: then it is whole
            async with datasets.open(alice, dataset.id) as query:
                assert await query.fetch_one("SELECT count(*) FROM usage") == (1,)
            await datasets.delete(alice, dataset.id)
        assert not list(own.glob("*.partial"))
        # Only when its commit was cut short does a folder wait for the sweep: the row might have been committed all the same.
        for folder in own.glob("*"):
            age(folder)
        await datasets.sweep()
        assert not files(tmp_path)
    assert len(await names(datasets, alice)) == 1


async def test_a_disk_that_refuses_is_said_to_be_unavailable(database: Database, alice: UserId, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    datasets = Datasets(database, tmp_path / "file", max_bytes=1000)
    with pytest.raises(StorageRefused) as refused:
        await datasets.create(alice, "usage", chunks(CONTENT))
    assert str(tmp_path) not in str(refused.value)
    assert await names(datasets, alice) == []


FILLING: Final = """
import asyncio, sys
from pathlib import Path
from netra.datasets.store import Datasets, StorageFull
from netra.ids import new_uuid

async def chunks(rows):
    yield b"input_tokens,output_tokens,model\\n"
    for first in range(0, rows, 1000):
        yield b"".join(b"%d,%d,model-%d\\n" % (n, n, n * 7919) for n in range(first, first + 1000))

async def main():
    root = Path(sys.argv[1])
    for rows in (100_000, 400_000):  # 2.5 MB, which is there twice when it is read; 10 MB
        stages = set()
        try:
            # There is no database: whoever asks for it has not noticed that the disk is full.
            await Datasets(None, root, 10**9).create(
                new_uuid(), "May", chunks(rows), tell=lambda loading: stages.add(loading.stage)
            )
        except StorageFull as error:
            left = [path.name for path in root.rglob("*") if path.is_file()]
            print(error.code, "waiting" in stages, left)

asyncio.run(main())
"""


def test_a_full_disk_is_said_to_be_full_and_holds_nothing_of_the_upload(tmp_path: Path) -> None:
    """Full while the file comes in, and while it is read: on a disk of four megabytes, in a namespace of its own."""
    script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FILLING]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    except FileNotFoundError:
        pytest.skip("needs unshare, for a disk that is full")
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("needs the right to mount a disk of its own, for one that is full")
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["storage_full True []", "storage_full False []"]


async def test_a_dataset_is_seen_on_its_way_by_its_owner_alone(datasets: Datasets, alice: UserId, bob: UserId) -> None:
    half, rest = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield CONTENT
        half.set()
        await rest.wait()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        upload = group.create_task(datasets.create(alice, "January", slowly()))
        await half.wait()
        (seen,) = await datasets.loading(alice)
        assert (seen.name, seen.stage) == ("January", "receiving")
        assert await datasets.find_loading(alice, seen.id) == seen
        assert await datasets.loading(bob) == []
        assert await datasets.find_loading(bob, seen.id) is None
        for refused in (datasets.get(alice, seen.id), datasets.delete(alice, seen.id), datasets.path(alice, seen.id)):
            with pytest.raises(DatasetLoading):
                await refused
        for unknown in (datasets.get(bob, seen.id), datasets.delete(bob, seen.id), datasets.find(alice, "January")):
            with pytest.raises(NotFound):
                await unknown
        assert (await datasets.list(alice)).items == ()
        rest.set()
    assert upload.result().id == seen.id
    assert await datasets.loading(alice) == []
    assert await datasets.get(alice, seen.id) == upload.result()


def age(folder: Path) -> None:
    """Make everything in the folder look as old as an orphan."""
    for path in (*folder.rglob("*"), folder):
        old = path.stat().st_mtime - ORPHAN_AFTER - 60
        os.utime(path, (old, old))


async def test_what_a_crash_left_is_swept_and_nothing_else(datasets: Datasets, alice: UserId, tmp_path: Path) -> None:
    kept = await datasets.create(alice, "kept", chunks(CONTENT))
    own = tmp_path / "datasets" / str(alice)
    rowless, unfinished, young = own / str(new_uuid()), own / f"{new_uuid()}.partial", own / f"{new_uuid()}.partial"
    for folder in (rowless, unfinished, young):
        folder.mkdir()
        (folder / "original").write_bytes(CONTENT)
    loading = LoadingDataset(DatasetId(new_uuid()), "slow", "receiving", datetime.now(UTC))
    running = LoadingFolder(own / str(loading.id), loading, lambda _: None)
    await asyncio.to_thread(running.begin)
    for folder in (rowless, unfinished, running.partial, own / str(kept.id)):
        age(folder)
    (tmp_path / "datasets" / "not a user").mkdir()
    assert await datasets.sweep() == 2
    assert {path.name for path in own.iterdir()} == {str(kept.id), young.name, running.partial.name}
    await asyncio.to_thread(running.end)
    async with datasets.open(alice, kept.id) as query:
        assert await query.fetch_one("SELECT count(*) FROM usage") == (1,)
    assert await datasets.sweep() == 0


async def test_a_sweep_before_the_first_upload_finds_nothing(datasets: Datasets) -> None:
    assert await datasets.sweep() == 0


@pytest.mark.parametrize("name", ["../..", "../bob", "/etc", "a/b", "", "..%2f..", "\x00"])
async def test_an_id_that_is_not_one_can_name_no_folder(datasets: Datasets, alice: UserId, name: str) -> None:
    with pytest.raises(ValueError, match=r"hexadecimal|UUID"):
        datasets._folder(alice, cast(DatasetId, name))
    with pytest.raises(ValueError, match=r"hexadecimal|UUID"):
        datasets._folder(cast(UserId, name), DatasetId(new_uuid()))


async def test_imports_wait_for_one_another(database: Database, alice: UserId, tmp_path: Path) -> None:
    datasets = Datasets(database, tmp_path / "datasets", max_bytes=1_000_000, imports_at_once=1)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        tasks = [group.create_task(datasets.create(alice, f"number {number}", chunks(CONTENT))) for number in range(8)]
    assert {task.result().name for task in tasks} == set(await names(datasets, alice))
