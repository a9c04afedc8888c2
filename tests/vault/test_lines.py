"""Whose secrets a line goes through."""

import asyncio
import contextvars
import gc
import threading

from netra.vault.lines import scrub_lines, scrubbers
from netra.vault.scrub import Scrubber


def masked(text: str, *, of_any_run: bool = True) -> str:
    for scrubber in scrubbers(of_any_run=of_any_run):
        text = scrubber.text(text)
    return text


async def test_a_task_masks_its_own_secrets_and_those_it_starts_mask_them_too() -> None:
    async def work() -> None:
        scrub_lines(Scrubber(["hunter-two"]))
        assert masked("hunter-two, hunter-six") == "••••••••••, hunter-six"
        assert await asyncio.to_thread(masked, "hunter-two") == "•" * 10
        assert await asyncio.create_task(asyncio.to_thread(masked, "hunter-two")) == "•" * 10

    async with asyncio.timeout(20):
        await asyncio.create_task(work())


def test_a_line_of_no_run_may_be_of_any_unless_it_is_known_not_to_be() -> None:
    scrubber = Scrubber(["hunter-two"])
    contextvars.copy_context().run(scrub_lines, scrubber)
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(masked("hunter-two")))
    thread.start()
    thread.join(20)
    assert found == ["•" * 10]
    assert masked("hunter-two", of_any_run=False) == "hunter-two"


def test_a_scrubber_that_nothing_holds_any_more_is_forgotten() -> None:
    contextvars.copy_context().run(scrub_lines, Scrubber(["hunter-two"]))
    gc.collect()
    assert masked("hunter-two") == "hunter-two"


def test_a_run_without_secrets_is_told_nothing_of_others() -> None:
    other = Scrubber(["hunter-two"])
    contextvars.copy_context().run(scrub_lines, other)

    def run() -> str:
        scrub_lines(Scrubber())
        return masked("hunter-two")

    assert contextvars.copy_context().run(run) == "hunter-two"
