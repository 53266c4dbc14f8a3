"""The only place that knows SMTP: envelopes, connections, and what an answer of the server means."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from hashlib import sha256

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused

from activities.rendering import Letter
from portal.text import HTML_LANGUAGES


@dataclass(frozen=True)
class SmtpServer:
    """How the union's mail server is reached."""

    host: str
    port: int
    username: str
    password: str
    starttls: bool
    sender: str
    reply_to: str
    timeout: float = 10.0


class Result(StrEnum):
    SENT = "sent"
    # Try this mail again later.
    LATER = "later"
    # This address refuses for good.
    NEVER = "never"
    # The server is away, or it hung up: not this mail's fault.
    AWAY = "away"


BAD_ADDRESS = "bad-address"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one mail; `code` is the server's three digits or the class of the failure, never its text."""

    result: Result
    code: str = ""


def message_id(key: str, domain: str) -> str:
    """The same for every try of the same logical mail, so that a receiver can drop a double."""
    return f"<{sha256(key.encode()).hexdigest()[:40]}@{domain}>"


class BadAddress(Exception):
    """Not the address of one person, whatever it is."""


def recipient(email: str) -> Address:
    try:
        return Address(addr_spec=email)
    except (ValueError, IndexError, MessageError):
        pass
    raise BadAddress


def envelope(server: SmtpServer, letter: Letter, *, key: str, email: str, language: str) -> EmailMessage:
    """The whole message. `Address` and `EmailMessage` refuse line breaks and a second address."""
    name, sender = parseaddr(server.sender)
    local, _, domain = sender.partition("@")
    message = EmailMessage()
    message["From"] = Address(name, local, domain)
    message["To"] = recipient(email)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id(key, domain)
    message["Reply-To"] = server.reply_to
    # No vacation reply, no read receipt.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    # After the content: setting it moves the headers that begin with «Content-».
    message["Content-Language"] = HTML_LANGUAGES[language]
    return message


class Postman:
    """One connection, opened when needed and used again; not shared between tasks."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self._smtp: aiosmtplib.SMTP | None = None

    async def send(self, message: EmailMessage, *, email: str) -> Sent:
        """Hand one message over, to exactly one recipient whatever its headers say."""
        sender = parseaddr(self.server.sender)[1]
        try:
            smtp = await self._connected()
        except SMTPResponseException as error:
            await self.hang_up()
            return Sent(Result.AWAY, str(error.code))
        except (SMTPException, OSError, TimeoutError) as error:
            await self.hang_up()
            return Sent(Result.AWAY, type(error).__name__)
        try:
            await smtp.sendmail(sender, [email], message.as_bytes())
        except SMTPRecipientsRefused as error:
            code = error.recipients[0].code
            await self._reset()
            return Sent(Result.NEVER if code >= 500 else Result.LATER, str(code))
        except SMTPSenderRefused as error:
            # It refuses us, not this mail: no mail is given up for that.
            await self.hang_up()
            return Sent(Result.AWAY, str(error.code))
        except SMTPResponseException as error:
            await self._reset()
            if error.code == 421:
                return Sent(Result.AWAY, "421")
            return Sent(Result.NEVER if error.code >= 500 else Result.LATER, str(error.code))
        except (SMTPException, OSError, TimeoutError) as error:
            # It hung up in the middle: whether it took the mail is unknown, hence the same Message-ID next time.
            await self.hang_up()
            return Sent(Result.LATER, type(error).__name__)
        except ValueError:
            # Nothing that could be written down or said to a server as one address.
            await self.hang_up()
            return Sent(Result.NEVER, BAD_ADDRESS)
        return Sent(Result.SENT)

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._smtp is not None and self._smtp.is_connected:
            return self._smtp
        server = self.server
        smtp = aiosmtplib.SMTP(
            hostname=server.host, port=server.port, timeout=server.timeout, start_tls=server.starttls,
            username=server.username or None, password=server.password or None,
        )  # fmt: skip
        await smtp.connect()
        self._smtp = smtp
        return smtp

    async def _reset(self) -> None:
        """Leave the connection fit for the next mail, or without one."""
        try:
            if self._smtp is not None:
                await self._smtp.rset()
        except (SMTPException, OSError, TimeoutError):
            await self.hang_up()

    async def hang_up(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None
