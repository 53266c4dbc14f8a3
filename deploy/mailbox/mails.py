"""The mails kept in a folder, each as it came with its envelope beside it, so a second start has them."""

import json
import re
import secrets
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

_LINK = re.compile(r"https?://[^\s<>\"']+")


@dataclass(frozen=True)
class Envelope:
    """What the SMTP conversation said, which the headers of a mail need not repeat."""

    id: str
    received_at: str
    envelope_from: str
    envelope_to: list[str]


class Mails:
    """Envelopes are held in memory; the mails themselves are read when asked for."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # Names begin with the time of arrival, so their order is the order of arrival.
        self._envelopes = {
            path.stem: Envelope(**json.loads(path.read_bytes()))
            for path in sorted(folder.glob("*.json"))
            if path.with_suffix(".eml").exists()
        }

    def keep(self, sender: str, recipients: list[str], content: bytes) -> None:
        now = time.time_ns()
        received_at = datetime.fromtimestamp(now / 1e9, UTC).isoformat(timespec="milliseconds")
        envelope = Envelope(f"{now:020d}-{secrets.token_hex(4)}", received_at, sender, recipients)
        # The mail first: an envelope is read only with its mail, so a kill in between leaves no half.
        self._file(envelope.id, ".eml").write_bytes(content)
        unfinished = self._file(envelope.id, ".new")
        unfinished.write_text(json.dumps(asdict(envelope)))
        unfinished.rename(self._file(envelope.id, ".json"))
        self._envelopes[envelope.id] = envelope

    def sent_to(self, address: str | None) -> list[Envelope]:
        """Oldest first, all of them or one person's."""
        wanted = (address or "").strip().casefold()
        return [
            envelope
            for envelope in self._envelopes.values()
            if not wanted or wanted in (to.casefold() for to in envelope.envelope_to)
        ]

    def find(self, mail_id: str) -> Envelope | None:
        # Only names we gave ourselves lead to a file.
        return self._envelopes.get(mail_id)

    def raw(self, envelope: Envelope) -> bytes:
        return self._file(envelope.id, ".eml").read_bytes()

    def read(self, envelope: Envelope) -> dict[str, Any]:
        """The envelope, the headers, both bodies and every link of one mail."""
        mail = message_from_bytes(self.raw(envelope), policy=default)
        text, html = _body(mail, "plain"), _body(mail, "html")
        return {
            **asdict(envelope),
            "message_id": _header(mail, "Message-ID"),
            "subject": _header(mail, "Subject") or "",
            "language": _header(mail, "Content-Language"),
            "headers": {name: str(value) for name, value in mail.items()},
            "text": text,
            "html": html,
            "links": _links(text, html),
        }

    def empty(self) -> int:
        emptied = len(self._envelopes)
        self._envelopes.clear()
        for path in self._folder.iterdir():
            if path.suffix in {".eml", ".json", ".new"}:
                path.unlink()
        return emptied

    def _file(self, mail_id: str, suffix: str) -> Path:
        return self._folder / f"{mail_id}{suffix}"


def _header(mail: EmailMessage, name: str) -> str | None:
    value = mail[name]
    return None if value is None else str(value)


def _body(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError):
        # An unknown character set: show what can be shown.
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None


def _links(text: str | None, html: str | None) -> list[str]:
    anchors = _Anchors()
    anchors.feed(html or "")
    written = [found.rstrip(".,;:!?)»") for found in _LINK.findall(text or "")]
    return list(dict.fromkeys(written + anchors.found))


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href") if tag == "a" else None
        # Never "javascript:" and the like: these end up as links on our page.
        if target and _LINK.match(target):
            self.found.append(target)
