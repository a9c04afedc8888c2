import random

import pytest

from netra.prove.answers import NotSupported
from netra.prove.targets.catalogue import KINDS, Address


async def test_a_kind_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(NotSupported, match=f"no target 'soap'; there are {', '.join(KINDS)}"):
        await Address(["http://127.0.0.1:1"], "soap").open(lambda *_: None, random.Random(1))


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_tells_in_words_that_nobody_is_there(kind: str) -> None:
    with pytest.raises(NotSupported, match="does not answer as a"):
        await Address(["http://127.0.0.1:1"], kind).open(lambda *_: None, random.Random(1))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "netra"])
async def test_only_servers_of_netra_have_siblings(kind: str) -> None:
    with pytest.raises(NotSupported, match="has one URL"):
        await Address(["http://127.0.0.1:1", "http://127.0.0.1:2"], kind).open(lambda *_: None, random.Random(1))
