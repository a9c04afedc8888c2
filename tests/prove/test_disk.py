import errno
from pathlib import Path

import pytest

from netra.prove.answers import NotSupported
from netra.prove.disk import SIZE, SmallDisk, _run


def test_a_full_disk_takes_nothing_until_it_is_freed() -> None:
    try:
        with SmallDisk.mounted() as disk:
            folder = disk.folder
            assert 0 < disk.fill() <= SIZE << 20
            with pytest.raises(OSError, match="No space left") as refused:
                (folder / "more").write_bytes(bytes(100_000))
            assert refused.value.errno == errno.ENOSPC
            disk.free()
            assert (folder / "more").write_bytes(bytes(100_000)) == 100_000
        assert not folder.exists()
    except NotSupported as error:
        pytest.skip(f"{error}")  # mounting is for root


def test_what_cannot_be_mounted_is_told() -> None:
    with pytest.raises(NotSupported, match="a small disk cannot be had"):
        _run("mount", "-t", "no-such-kind-of-disk", "nothing", str(Path("/no/such/folder")))
    with pytest.raises(NotSupported, match="there is no no-such-program"):
        _run("no-such-program")
