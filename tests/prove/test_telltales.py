import pytest

from netra.prove.telltales import Telltales


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Traceback (most recent call last):\n", "a Python traceback"),
        ('File "/srv/app/main.py", line 12', "a Python traceback"),
        ("SELECT * FROM account WHERE id = 1", "a statement of SQL"),
        ("postgresql://netra:hunter2@db/netra", "a URL with a password"),
        ("$argon2id$v=19$m=65536", "a hash of a password"),
        ("-----BEGIN PRIVATE " + "KEY-----", "a private key"),
    ],
)
def test_what_gives_itself_away_is_found(text: str, what: str) -> None:
    assert [found for found, _ in Telltales().found(f"before {text} after")] == [what]


@pytest.mark.parametrize("text", ["select a thread from the list", "https://example.com/a@b", "no such thread", "update it"])
def test_plain_words_are_no_secret(text: str) -> None:
    assert list(Telltales().found(text)) == []


def test_a_secret_that_is_kept_is_found_and_not_repeated() -> None:
    telltales = Telltales()
    telltales.keep("s3cret", "a password")
    assert list(telltales.found("the word is s3cret!")) == [("a password", "the word is ***")]


def test_a_log_may_hold_what_an_operator_looks_for() -> None:
    told = "Traceback (most recent call last): SELECT a FROM b; postgresql://u:p@h/d"
    assert [what for what, _ in Telltales().found(told, in_log=True)] == ["a URL with a password"]
