"""Records as strace writes them of PostgreSQL 18, shortened; the bad ones are such with their lines in another order."""

import pytest

from netra.prove.strace import acknowledgements, system_calls

WRITTEN = [
    r'101 recvfrom(8, "P\0\0\0UPDATE thread SET head = $1\0", 8192, 0, NULL, NULL) = 120',
    r'101 sendto(8, "1\0\0\0\0042\0\0\0\4n\0\0\0\4C\0\0\0\rUPDATE 1\0Z\0\0\0\5T", 37, 0, NULL, 0) = 37',
]
ASKED = r'101 recvfrom(8, "Q\0\0\0\vCOMMIT\0", 8192, 0, NULL, NULL) = 12'
SYNCED = "101 fdatasync(22) = 0"
TOLD = r'101 sendto(8, "C\0\0\0\vCOMMIT\0S\0\0\0\37search_path\0public\0Z\0\0\0\5I", 50, 0, NULL, 0) = 50'
BEGINS = "202 fdatasync(30 <unfinished ...>"
RETURNS = "202 <... fdatasync resumed>)            = 0"


def judged(*lines: str) -> list[bool]:
    return [each.synced for each in acknowledgements(lines)]


@pytest.mark.parametrize(
    "lines",
    [
        [*WRITTEN, ASKED, SYNCED, TOLD],
        [*WRITTEN, ASKED, BEGINS, RETURNS, TOLD],
        [*WRITTEN, ASKED, SYNCED, TOLD.replace(" = 50", " <unfinished ...>"), "101 <... sendto resumed>) = 50"],
        [
            *WRITTEN,
            "101 recvfrom(8, <unfinished ...>",
            r'101 <... recvfrom resumed>"Q\0COMMIT\0", 8192) = 12',
            SYNCED,
            TOLD,
        ],
    ],
)
def test_what_is_on_disk_before_anybody_is_told_is_safe(lines: list[str]) -> None:
    assert judged(*lines) == [True]


@pytest.mark.parametrize(
    "lines",
    [
        [*WRITTEN, ASKED, TOLD],
        [*WRITTEN, ASKED, TOLD, SYNCED],
        [*WRITTEN, SYNCED, ASKED, TOLD],
        [*WRITTEN, BEGINS, ASKED, RETURNS, TOLD],
        [*WRITTEN, ASKED, BEGINS, TOLD, RETURNS],
        [*WRITTEN, ASKED, "101 fdatasync(22) = -1 EIO (Input/output error)", TOLD],
    ],
)
def test_what_is_told_before_it_is_on_disk_is_not(lines: list[str]) -> None:
    assert judged(*lines) == [False]


def test_a_transaction_that_only_reads_needs_no_disk() -> None:
    read = [line.replace(r"\rUPDATE 1", r"\rSELECT 1") for line in WRITTEN]
    none = [line.replace("UPDATE 1", "UPDATE 0") for line in WRITTEN]
    assert judged(*read, ASKED, TOLD, *none, ASKED, TOLD) == []


def test_each_transaction_is_judged_by_what_itself_has_done() -> None:
    assert judged(*WRITTEN, ASKED, SYNCED, TOLD, *WRITTEN, ASKED, TOLD, ASKED, TOLD) == [True, False]


def test_what_was_rolled_back_promised_nothing() -> None:
    back = r'101 sendto(8, "C\0\0\0\rROLLBACK\0Z\0\0\0\5I", 50, 0, NULL, 0) = 50'
    assert judged(*WRITTEN, back, ASKED, TOLD) == []


def test_what_began_before_the_record_is_left_out() -> None:
    assert judged(WRITTEN[1], TOLD) == []


def test_a_call_that_others_came_between_is_one_call() -> None:
    (call,) = system_calls([BEGINS, "303 +++ exited with 0 +++", "303 --- SIGUSR1 {si_signo=SIGUSR1} ---", RETURNS])
    assert (call.pid, call.name, call.begun, call.returned, call.failed) == (202, "fdatasync", 1, 4, False)
