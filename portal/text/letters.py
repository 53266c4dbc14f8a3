"""A mail as the portal shows it again: without its keys, and with no links but our own."""

import re
from dataclasses import dataclass

from portal.rules.mail import CARRIES_A_KEY, MailKind

HIDDEN = "[…]"
_CODE = re.compile(r"\b\d{3}[\s]\d{3}\b")
# Not where a line stands for itself: an item of a list, a rule, an address.
_CUT = re.compile(r"(?<=\S)\n(?!-|https?://)(?=\S)")
# What ends a sentence is no part of an address in it.
_AFTER = ".,;:!?)»"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words, or an address that may be clicked."""

    text: str
    link: bool = False


def without_keys(text: str, kind: MailKind, origin: str) -> str:
    """The words of a mail without what opens something: no token in any of them, no code where there is one.

    Reading a mail in its mailbox proves the address or renews a password; reading it on a signed-in page must not:
    a session left open would be enough to take the account over.
    """
    without_token = re.sub(re.escape(origin) + r"/\S*[?&](?:jeton|token)=\S*", HIDDEN, text)
    return _CODE.sub(HIDDEN, without_token) if kind in CARRIES_A_KEY else without_token


def flowing(text: str) -> str:
    """The lines of a paragraph in one: they were cut for mailboxes, and a page has a width of its own."""
    return _CUT.sub(" ", text)


def pieces(text: str, origin: str) -> list[Piece]:
    """The words with the addresses of this portal told apart; an address that only begins like ours is words."""
    found: list[Piece] = []
    at = 0
    for match in re.finditer(re.escape(origin) + r"(?:/[^\s<>\"']*)?(?=[\s<>\"']|$|[.,;:!?)»](?:\s|$))", text):
        address = match.group().rstrip(_AFTER)
        if match.start() > at:
            found.append(Piece(text[at : match.start()]))
        found.append(Piece(address, link=True))
        at = match.start() + len(address)
    if at < len(text):
        found.append(Piece(text[at:]))
    return found
