"""What a report of delivery says (RFC 3464), and which of our mails it speaks of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from uuid import UUID

# A report with our whole mail in it is some thirty kilobytes: what is much larger is none.
LONGEST = 1024 * 1024

_RETURN_PATH = re.compile(r"\+([0-9a-f]{32})@", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([0-9a-f]{40})@")
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
# What an answer of a server may begin with, after its three digits.
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_ADDRESS = re.compile(r"[^\s<>,;:\"()]+@[^\s<>,;:\"()]+")
# Where a server writes down to whom the report itself was sent.
_TO = ("To", "Delivered-To", "X-Original-To", "Envelope-To")

# Nobody reads mail there (RFC 3463, RFC 7505). All else is not of the address: 5.1.7 and 5.1.8 speak of the sender,
# 5.2.2 of a mailbox that is full today, 5.7 of somebody's policy.
NOBODY_THERE = frozenset({"5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1"})
# The same in three digits, of a server that says no more; only in answer to a recipient.
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})


def blames_recipient(code: int, answer: str) -> bool:
    """Whether a server that refused a recipient says that nobody reads mail at this address."""
    status = _ENHANCED.match(answer)
    return code in _NO_SUCH_MAILBOX and (status is None or status[1] in NOBODY_THERE)


def return_path(bounces: str, mail_id: UUID) -> str:
    """The envelope's sender, of this mail alone (VERP): a report sent to it needs no guessing."""
    local, _, domain = bounces.rpartition("@")
    return f"{local}+{mail_id.hex}@{domain}"


@dataclass(frozen=True, slots=True)
class Bounce:
    """One report. `mail_id` and `message_digest` say which mail, `addresses` whose; both come from strangers."""

    # It will not be delivered; else it is late.
    final: bool
    # Digits only: «5.1.1».
    status: str
    mail_id: UUID | None
    message_digest: str | None
    addresses: frozenset[str]

    @property
    def blames_address(self) -> bool:
        """A policy, a full mailbox or a bad day fails this mail and says nothing of the next one."""
        return self.final and self.status in NOBODY_THERE


def read(raw: bytes) -> Bounce | None:
    """The report in these bytes; None for anything else, whatever it is: a vacation reply, spam, half a message."""
    if len(raw) > LONGEST:
        return None
    try:
        return _read(message_from_bytes(raw))
    except Exception:
        # Anybody may write to this address, and the parser is known to stumble over headers nobody would write.
        return None


def _read(report: Message) -> Bounce | None:
    blocks = [
        b for part in report.walk() if part.get_content_type() == "message/delivery-status" for b in _blocks(part)
    ]
    told = [(str(block.get("Action", "")).strip().lower(), block) for block in blocks]
    final = next((block for action, block in told if action == "failed"), None)
    late = next((block for action, block in told if action == "delayed"), None)
    about = final if final is not None else late
    if about is None:
        return None
    status = _STATUS.search(str(about.get("Status", "")))
    returned = list(_returned(report))
    ours = [str(value) for name in _TO for value in report.get_all(name, [])]
    ours += [str(value) for m in returned for value in m.get_all("Return-Path", [])]
    whose = [about.get("Original-Recipient"), about.get("Final-Recipient"), *(m.get("To") for m in returned)]
    path = _RETURN_PATH.search(" ".join(ours))
    named = _MESSAGE_ID.search(" ".join(str(m.get("Message-ID", "")) for m in returned))
    return Bounce(
        final=final is not None,
        status=status[1] if status else ("5.0.0" if final is not None else "4.0.0"),
        mail_id=UUID(path[1]) if path else None,
        message_digest=named[1] if named else None,
        addresses=frozenset(a.casefold() for value in whose if value for a in _addresses(str(value))),
    )


def _addresses(value: str) -> list[str]:
    """What looks like an address in a header. With a byte that nobody can print it is none, and no record takes it."""
    return [found for found in _ADDRESS.findall(value) if found.isprintable()]


def _blocks(part: Message) -> list[Message]:
    """The groups of lines of a delivery status: one for the message, one for each recipient."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    return []


def _returned(report: Message) -> Iterator[Message]:
    """Our own mail, or its headers alone."""
    for part in report.walk():
        if part.get_content_type() == "text/rfc822-headers":
            body = part.get_payload(decode=True)
            if isinstance(body, bytes):
                yield message_from_string(body.decode("utf-8", "replace"))
        elif part.get_content_type() == "message/rfc822":
            payload = part.get_payload()
            if isinstance(payload, list) and isinstance(payload[0], Message):
                yield payload[0]
