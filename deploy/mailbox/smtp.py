"""The SMTP side of the mailbox, which can be told to have the bad days real mail servers have."""

import asyncio
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.mailbox.mails import Mails

_ANSWERS = {
    "451": "451 4.3.0 Try again later",
    "550": "550 5.1.1 No such mailbox",
}


class NoSuchBehaviour(ValueError):
    """What was asked for is not one of the bad days we know."""


@dataclass
class Behaviour:
    """How the server treats mails; as made, it takes them all at once."""

    refuse: str | None = None
    refuse_at: str = "rcpt"
    delay_seconds: float = 0.0
    drop_after_data: bool = False

    def __post_init__(self) -> None:
        if self.refuse is not None and self.refuse not in _ANSWERS:
            raise NoSuchBehaviour(f"refuse is null or one of {', '.join(_ANSWERS)}")
        if self.refuse_at not in {"rcpt", "data"}:
            raise NoSuchBehaviour("refuse_at is rcpt or data")
        if isinstance(self.delay_seconds, bool) or not isinstance(self.delay_seconds, int | float):
            raise NoSuchBehaviour("delay_seconds is a number")
        if not 0 <= self.delay_seconds <= 600:
            raise NoSuchBehaviour("delay_seconds is between 0 and 600")
        if not isinstance(self.drop_after_data, bool):
            raise NoSuchBehaviour("drop_after_data is true or false")

    def refusal_at(self, stage: str) -> str | None:
        return _ANSWERS[self.refuse] if self.refuse is not None and self.refuse_at == stage else None


class Reception:
    """What aiosmtpd calls as a conversation goes on; each method returns the line to answer with."""

    def __init__(self, mails: Mails) -> None:
        self.mails = mails
        self.behaviour = Behaviour()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self.behaviour.refusal_at("rcpt")
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        # Read once: a change during the delay is for the next mail.
        behaviour = self.behaviour
        await asyncio.sleep(behaviour.delay_seconds)
        refusal = behaviour.refusal_at("data")
        if refusal is not None:
            return refusal
        content = envelope.content or b""
        self.mails.keep(
            envelope.mail_from or "",
            list(envelope.rcpt_tos),
            content if isinstance(content, bytes) else content.encode(),
        )
        if behaviour.drop_after_data and isinstance(server.transport, asyncio.Transport):
            # The worst case for the sender: the mail is delivered, yet it never learns so.
            server.transport.abort()
        return "250 2.0.0 Kept"
