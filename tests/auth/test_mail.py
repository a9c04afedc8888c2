"""Mails reach a real SMTP server, in a way that nobody on the way can read or change."""

import asyncio
import datetime as dt
import ipaddress
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from netra.auth.accounts import normalise_email
from netra.auth.mail import LogSender, Mail, MailFailed, SmtpSender, UnsentSender
from tests.fixtures.server import free_port

MAIL = Mail("carol@example.com", "A new password", "Use this link:\nhttp://netra.test/reset#token=reset_secret\n")


class Inbox:
    """What a mail server took, and how."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.encrypted: list[bool] = []
        self.logins: list[Any] = []
        self.refuses = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuses:
            return "554 not today"
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 taken"

    def authenticate(self, *given: Any) -> AuthResult:
        self.logins.append(given[-1])
        return AuthResult(success=given[-1] == LoginPassword(b"netra@example.com", b"p@ss/word"))


@contextmanager
def mail_server(**options: Any) -> Iterator[tuple[Inbox, SmtpSender]]:
    """A mail server on this machine, and a sender that knows it."""
    inbox = Inbox()
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), authenticator=inbox.authenticate, **options)
    controller.start()
    try:
        yield inbox, SmtpSender("netra@example.com", "127.0.0.1", controller.port, on_this_machine=True)
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("mail") / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trust(certificate: Path) -> ssl.SSLContext:
    _, begin, rest = certificate.read_text().partition("-----BEGIN CERT")
    return ssl.create_default_context(cadata=begin + rest)


async def test_a_mail_arrives_as_it_was_written() -> None:
    with mail_server() as (inbox, sender):
        await sender.send(MAIL)
    (envelope,) = inbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("netra@example.com", ["carol@example.com"])
    assert isinstance(envelope.content, bytes)
    text = envelope.content.decode()
    for line in ("To: carol@example.com", "From: netra@example.com", "Subject: A new password", "Auto-Submitted:", "Date:"):
        assert line in text
    assert "http://netra.test/reset#token=reset_secret" in text


async def test_on_this_machine_tls_is_taken_when_it_is_offered_whoever_signed_it(server_side: ssl.SSLContext) -> None:
    with mail_server(tls_context=server_side) as (inbox, sender):
        await sender.send(MAIL)
    assert inbox.encrypted == [True]


async def test_elsewhere_a_server_that_offers_no_tls_gets_nothing() -> None:
    with mail_server(auth_require_tls=False) as (inbox, sender), pytest.raises(MailFailed):
        await replace(sender, on_this_machine=False, user="netra@example.com", password="p@ss/word").send(MAIL)
    assert (inbox.envelopes, inbox.logins) == ([], [])


async def test_elsewhere_a_certificate_has_to_be_right(server_side: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    with mail_server(tls_context=server_side) as (inbox, sender):
        elsewhere = replace(sender, on_this_machine=False)
        with pytest.raises(MailFailed):
            await elsewhere.send(MAIL)
        assert inbox.envelopes == []
        await replace(elsewhere, trust=trust).send(MAIL)
    assert inbox.encrypted == [True]


async def test_smtps_begins_with_tls(server_side: ssl.SSLContext, trust: ssl.SSLContext) -> None:
    with mail_server(ssl_context=server_side) as (inbox, sender):
        with pytest.raises(MailFailed):
            await replace(sender, tls_at_once=True, on_this_machine=False).send(MAIL)
        assert inbox.envelopes == []
        await replace(sender, tls_at_once=True, on_this_machine=False, trust=trust).send(MAIL)
    assert len(inbox.envelopes) == 1


@pytest.mark.parametrize("password", ["p@ss/word", "wrong"])
async def test_a_login_is_given_and_a_wrong_one_is_a_failure(server_side: ssl.SSLContext, password: str) -> None:
    with mail_server(tls_context=server_side, auth_required=True) as (inbox, sender):
        with_login = replace(sender, user="netra@example.com", password=password)
        if password == "wrong":
            with pytest.raises(MailFailed) as failed:
                await with_login.send(MAIL)
            assert "wrong" not in str(failed.value)
        else:
            await with_login.send(MAIL)
    assert len(inbox.envelopes) == (password != "wrong")


async def test_a_server_that_refuses_or_is_not_there_is_a_failure() -> None:
    with mail_server() as (inbox, sender):
        inbox.refuses = True
        with pytest.raises(MailFailed):
            await sender.send(MAIL)
    with pytest.raises(MailFailed):
        await sender.send(MAIL)


async def test_a_server_that_says_nothing_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netra.auth.mail.SMTP_TIMEOUT", 0.2)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        sender = SmtpSender("netra@example.com", "127.0.0.1", server.sockets[0].getsockname()[1], on_this_machine=True)
        async with asyncio.timeout(20):
            with pytest.raises(MailFailed):
                await sender.send(MAIL)


ATOM = st.text("abcxyz019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20)


@given(st.lists(ATOM, min_size=1, max_size=3).map(".".join))
def test_every_address_that_an_account_may_have_can_be_written_to(local: str) -> None:
    email = normalise_email(f"{local}@example.com")
    message = SmtpSender("netra@example.com", "mail.example", 587)._message(replace(MAIL, to=email), "example.com")
    (address,) = message["To"].addresses
    assert address.addr_spec == email
    assert message.as_bytes().count(b"To:") == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", SmtpSender("n@x.test", "mail.example", 587)),
        ("smtps://mail.example", SmtpSender("n@x.test", "mail.example", 465, tls_at_once=True)),
        ("smtp://u%40x:p%2Fw@mail.example:25", SmtpSender("n@x.test", "mail.example", 25, "u@x", "p/w")),
        ("smtp://localhost:1025", SmtpSender("n@x.test", "localhost", 1025, on_this_machine=True)),
        ("smtp://[::1]:1025", SmtpSender("n@x.test", "::1", 1025, on_this_machine=True)),
    ],
)
def test_a_url_says_where_and_how(url: str, expected: SmtpSender) -> None:
    assert SmtpSender.of(url, "n@x.test") == expected


def test_neither_a_password_nor_the_text_of_a_mail_shows_in_a_representation() -> None:
    assert "hunter2" not in repr(SmtpSender.of("smtp://u:hunter2@mail.example", "n@x.test"))
    assert "reset_secret" not in repr(MAIL)


async def test_in_development_the_link_is_in_the_log_and_elsewhere_it_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await LogSender().send(MAIL)
        assert "http://netra.test/reset#token=reset_secret" in caplog.text
        caplog.clear()
        await UnsentSender().send(MAIL)
        assert "NETRA_MAIL_URL" in caplog.text
        assert "reset_secret" not in caplog.text
        assert "carol" not in caplog.text
