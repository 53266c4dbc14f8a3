"""A mail that is shown again opens nothing, and leads nowhere but to us."""

import pytest

from portal.rules.mail import CARRIES_A_KEY, MailKind
from portal.text import Piece, flowing, pieces, without_keys

ORIGIN = "https://portail.exemple.test"


def links(text: str) -> list[str]:
    return [piece.text for piece in pieces(text, ORIGIN) if piece.link]


@pytest.mark.parametrize("kind", sorted(CARRIES_A_KEY))
def test_a_key_is_taken_out_and_the_rest_stays(kind: MailKind) -> None:
    """T14: on no page of the portal does a mail open what it opens in its mailbox."""
    text = f"Ouvrez :\n\n{ORIGIN}/fr/courriel/verifier?jeton=abc_DEF-123\n\n    482\u00a0913\n\nou 482 913.\n{ORIGIN}\n"
    shown = without_keys(text, kind, ORIGIN)
    assert "abc_DEF-123" not in shown
    assert "482" not in shown
    assert shown.startswith("Ouvrez :\n\n[…]\n\n")
    assert ORIGIN in shown


def test_a_mail_without_a_key_is_shown_whole() -> None:
    text = f"{ORIGIN}/fr/votes?x=1 123 456"
    assert without_keys(text, MailKind.REGISTERED, ORIGIN) == text


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("address", ["/fr/x?jeton=abcDEF", "/en/x?token=abcDEF", "/en/x?a=b&token=abcDEF&c"])
def test_no_mail_of_any_kind_shows_a_token(kind: MailKind, address: str) -> None:
    """T14, T106: also of a kind that is added tomorrow."""
    assert without_keys(f"Ouvrez {ORIGIN}{address} vite", kind, ORIGIN) == "Ouvrez […] vite"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"Voyez {ORIGIN}/fr/votes.", [f"{ORIGIN}/fr/votes"]),
        (f"({ORIGIN}/fr/votes)", [f"{ORIGIN}/fr/votes"]),
        (f"{ORIGIN}", [ORIGIN]),
        (f"{ORIGIN}\n{ORIGIN}/en/", [ORIGIN, f"{ORIGIN}/en/"]),
        (f"{ORIGIN}.evil.test/x", []),
        (f"{ORIGIN}@evil.test/x", []),
        (f"{ORIGIN}:8443/x", []),
        ("https://evil.test/x javascript:alert(1)", []),
        (f"https://evil.test/?{ORIGIN.removeprefix('https://')}", []),
        ("", []),
    ],
)
def test_only_our_own_addresses_become_links(text: str, found: list[str]) -> None:
    """T30: an address that only begins like ours is words."""
    assert links(text) == found
    assert "".join(piece.text for piece in pieces(text, ORIGIN)) == text


def test_words_without_an_address_are_one_piece() -> None:
    assert pieces("Bonjour <b>", ORIGIN) == [Piece("Bonjour <b>")]


def test_a_paragraph_flows_and_a_list_stays_a_list() -> None:
    cut = "Un paragraphe\ncoupé.\n\n- un\n- deux\n\n-----\n\nVoyez\nhttps://portail.exemple.test\n"
    assert flowing(cut) == "Un paragraphe coupé.\n\n- un\n- deux\n\n-----\n\nVoyez\nhttps://portail.exemple.test\n"
