"""The only place that knows SMTP: envelopes, connections, and what an answer of the server means."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused

from activities.facts import Addressed
from activities.rendering import Letter
from portal.rules.bounces import blames_recipient, return_path
from portal.rules.mail import Lane, MailKind, lane
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
    # Notices to everybody and reminders come from an address of their own, if the union has one for them: what people
    # think of those must not decide whether a renewal link arrives.
    notices_sender: str = ""
    # Where reports of delivery go; empty: to the sender.
    bounces: str = ""

    def from_of(self, kind: MailKind) -> str:
        return self.notices_sender if self.notices_sender and lane(kind) is Lane.BULK else self.sender

    def return_path(self, kind: MailKind, mail_id: UUID) -> str:
        """The envelope's sender: one for each mail, so that a report of delivery says by itself which came back."""
        return return_path(self.bounces, mail_id) if self.bounces else parseaddr(self.from_of(kind))[1]


class Result(StrEnum):
    SENT = "sent"
    # Try this mail again later.
    LATER = "later"
    # This mail is refused for good.
    NEVER = "never"
    # Nor will any other be taken: nobody reads mail at this address.
    NOBODY = "nobody"
    # The server is away, or it hung up: not this mail's fault.
    AWAY = "away"


BAD_ADDRESS = "bad-address"

# A header may be 998 characters long; one of ours that is cut at 78 would be written in code words, and an address in
# code words unsubscribes nobody.
HEADERS = default.clone(max_line_length=900)


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


def envelope(server: SmtpServer, letter: Letter, to: Addressed, *, key: str, kind: MailKind) -> EmailMessage:
    """The whole message. `Address` and `EmailMessage` refuse line breaks and a second address."""
    name, sender = parseaddr(server.from_of(kind))
    local, _, domain = sender.partition("@")
    message = EmailMessage()
    message["From"] = Address(name, local, domain)
    message["To"] = recipient(to.email)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id(key, domain)
    message["Reply-To"] = server.reply_to
    # No vacation reply, no read receipt.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    # By which kind receivers count complaints; the last part names the sender, always the same.
    message["Feedback-ID"] = f"{kind}:{lane(kind)}:members:scrutin"
    if to.unsubscribe is not None:
        message["List-Id"] = f"<reminders.{domain}>"
        message["List-Unsubscribe"] = f"<{to.unsubscribe}>, <mailto:{parseaddr(server.reply_to)[1]}?subject=STOP>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    # After the content: setting it moves the headers that begin with «Content-».
    message["Content-Language"] = HTML_LANGUAGES[to.language]
    return message


class Postman:
    """One connection, opened when needed and used again; not shared between tasks."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self._smtp: aiosmtplib.SMTP | None = None

    async def send(self, message: EmailMessage, *, sender: str, email: str) -> Sent:
        """Hand one message over, to exactly one recipient whatever its headers say."""
        try:
            smtp = await self._connected()
        except SMTPResponseException as error:
            await self.hang_up()
            return Sent(Result.AWAY, str(error.code))
        except (SMTPException, OSError, TimeoutError) as error:
            await self.hang_up()
            return Sent(Result.AWAY, type(error).__name__)
        try:
            await smtp.sendmail(sender, [email], message.as_bytes(policy=HEADERS))
        except SMTPRecipientsRefused as error:
            (refused,) = error.recipients
            await self._reset()
            if blames_recipient(refused.code, refused.message):
                return Sent(Result.NOBODY, str(refused.code))
            return Sent(Result.NEVER if refused.code >= 500 else Result.LATER, str(refused.code))
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
            return Sent(Result.NOBODY, BAD_ADDRESS)
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
