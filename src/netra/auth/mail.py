"""Mail to the owner of an account: by SMTP, or, where there is no mail server, into the log of a developer's own machine.

`smtplib` waits, so it does so in a thread, and each of its waits has an end.
"""

import asyncio
import ipaddress
import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Protocol, Self
from urllib.parse import unquote, urlsplit

from netra.errors import Unavailable

SMTP_TIMEOUT: Final = 10.0
"""Seconds that one answer of the mail server may take. RFC 5321 would allow minutes; a person waits for this mail."""

PORTS: Final = {"smtp": 587, "smtps": 465}

logger = logging.getLogger(__name__)


class MailFailed(Unavailable):
    """The mail server did not take a mail."""

    code = "mail_failed"


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. Its text may hold what signs somebody in, so no `repr` shows it."""

    to: str
    subject: str
    text: str = field(repr=False)


class MailSender(Protocol):
    """Takes a mail to where it goes."""

    async def send(self, mail: Mail) -> None:
        """Hand a mail over. Raises `MailFailed`."""
        ...


@dataclass(frozen=True, slots=True)
class SmtpSender:
    """Hands mails to one SMTP server, a connection each: they are few."""

    sender: str
    """The address that they come from."""
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls_at_once: bool = False
    """Whether the connection begins with TLS (`smtps`), and not with STARTTLS."""
    on_this_machine: bool = False
    """Whether mails go to the same machine: then they may go in the clear, and nobody asks for a certificate."""
    trust: ssl.SSLContext | None = None
    """Whose certificates count; None: those that the system trusts."""

    @classmethod
    def of(cls, url: str, sender: str) -> Self:
        """The sender for `smtp://user:password@host:port` or `smtps://…`; without a port, 587 or 465."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        return cls(
            sender,
            parts.hostname,
            parts.port or PORTS[parts.scheme],
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            tls_at_once=parts.scheme == "smtps",
            on_this_machine=_is_this_machine(parts.hostname),
        )

    async def send(self, mail: Mail) -> None:
        try:
            await asyncio.to_thread(self._send, mail)
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed from error

    def _send(self, mail: Mail) -> None:
        context = self._context()
        domain = self.sender.rpartition("@")[2]
        # Said to be at home in the domain of the mail: the machine's own name is nobody's business, and asking for it may wait.
        if self.tls_at_once:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, domain, timeout=SMTP_TIMEOUT, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, domain, timeout=SMTP_TIMEOUT)
        with server:
            if not self.tls_at_once:
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=context)
                elif not self.on_this_machine:
                    # Somebody on the way may have taken the offer out of the answer, to read the mail and the password.
                    raise MailFailed("The mail server does not offer STARTTLS.")
            if self.user is not None:
                server.login(self.user, self.password or "")
            server.send_message(self._message(mail, domain), self.sender, [mail.to])

    def _context(self) -> ssl.SSLContext:
        context = self.trust or ssl.create_default_context()
        if self.on_this_machine and self.trust is None:
            # The certificate of a mail server on one's own machine was made by its installer and is signed by nobody.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _message(self, mail: Mail, domain: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = Address(addr_spec=self.sender)
        message["To"] = Address(addr_spec=mail.to)
        message["Subject"] = mail.subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday reply, please
        message.set_content(mail.text)
        return message


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class LogSender:
    """Writes mails into the log, for development: whoever reads it there is the one who runs the server."""

    async def send(self, mail: Mail) -> None:
        form = "a mail that is not sent, for want of NETRA_MAIL_URL\nTo: %s\nSubject: %s\n\n%s"
        logger.info(form, mail.to, mail.subject, mail.text)


class UnsentSender:
    """Sends nothing and says so, without a word of what is in the mail: the log of a real installation has many readers."""

    async def send(self, mail: Mail) -> None:  # noqa: ARG002 - that is the point
        logger.warning("a mail was not sent: set NETRA_MAIL_URL and NETRA_MAIL_FROM")
