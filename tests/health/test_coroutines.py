"""`netra.health.coroutines`: dropped coroutines are counted one by one, and Python's own warning stays."""

import asyncio
import gc
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
import structlog

from netra.health import coroutines
from netra.health.coroutines import HOOK, NeverAwaited


async def save() -> None:
    """The work that does not happen when nobody awaits it."""


class Account:
    async def close(self) -> None:
        """A method, whose qualified name has two parts."""


@pytest.fixture
def silent() -> Iterator[None]:
    """The warning is what is provoked here; elsewhere in the suite it is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


@pytest.mark.usefixtures("silent")
async def test_every_dropped_coroutine_is_counted_under_its_function() -> None:
    async with NeverAwaited() as sentinel:
        for _ in range(3):  # one place: Python itself would warn once
            save()  # type: ignore[unused-coroutine]  # noqa: RUF100
        Account().close()  # type: ignore[unused-coroutine]
    assert sentinel.counts == {f"{__name__}.save": 3, f"{__name__}.Account.close": 1}
    assert sentinel.total == 4


@pytest.mark.usefixtures("silent")
async def test_what_is_awaited_is_not_counted() -> None:
    async with NeverAwaited() as sentinel:
        await save()
        await asyncio.create_task(save())
        started = Account().close()
        started.close()  # given up on purpose before it began: Python does not warn of that either
        gc.collect()
    assert sentinel.total == 0


@pytest.mark.usefixtures("silent")
async def test_a_coroutine_lost_in_a_cycle_is_counted_when_memory_is_collected() -> None:
    async with NeverAwaited() as sentinel:
        cycle: list[object] = [save()]
        cycle.append(cycle)
        del cycle
        gc.collect()
        assert sentinel.total == 1


@pytest.mark.usefixtures("silent")
async def test_a_coroutine_dropped_in_another_thread_is_counted() -> None:
    async with NeverAwaited() as sentinel:
        thread = threading.Thread(target=[save()].clear)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert sentinel.total == 1


@pytest.mark.usefixtures("silent")
async def test_each_function_is_logged_once() -> None:
    with structlog.testing.capture_logs() as lines:
        async with NeverAwaited():
            for _ in range(5):
                save()  # type: ignore[unused-coroutine]
            await asyncio.sleep(0)
    assert [(line["event"], line["coroutine"]) for line in lines] == [("coroutine was never awaited", f"{__name__}.save")]


@pytest.mark.usefixtures("silent")
async def test_distinct_functions_are_bounded_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coroutines, "MAX_NAMES", 1)
    async with NeverAwaited() as sentinel:
        save()  # type: ignore[unused-coroutine]
        Account().close()  # type: ignore[unused-coroutine]
        save()  # type: ignore[unused-coroutine]
    assert sentinel.counts == {f"{__name__}.save": 2, "other": 1}


async def test_python_still_warns() -> None:
    async with NeverAwaited():
        with pytest.warns(RuntimeWarning, match="'save' was never awaited"):
            save()  # type: ignore[unused-coroutine]


async def test_a_warning_that_is_an_error_still_reaches_the_unraisable_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: raised.append(unraisable.exc_value))
    async with NeverAwaited() as sentinel:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            save()  # type: ignore[unused-coroutine]
    assert [type(error) for error in raised] == [RuntimeWarning]
    assert sentinel.total == 1


@pytest.mark.usefixtures("silent")
async def test_leaving_puts_back_what_was_there_before() -> None:
    before = getattr(warnings, HOOK)
    async with NeverAwaited() as sentinel:
        assert getattr(warnings, HOOK) is not before
    assert getattr(warnings, HOOK) is before
    save()  # type: ignore[unused-coroutine]
    assert sentinel.total == 0


@pytest.mark.usefixtures("silent")
async def test_two_sentinels_that_end_in_the_wrong_order_both_count_and_both_end() -> None:
    before = getattr(warnings, HOOK)
    first, second = NeverAwaited(), NeverAwaited()
    await first.__aenter__()
    await second.__aenter__()
    save()  # type: ignore[unused-coroutine]
    await first.__aexit__(None, None, None)
    save()  # type: ignore[unused-coroutine]
    await second.__aexit__(None, None, None)
    save()  # type: ignore[unused-coroutine]
    assert (first.total, second.total) == (1, 2)
    setattr(warnings, HOOK, before)
