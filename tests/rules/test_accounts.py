"""Passwords that hold, delays that slow a guesser, and links that cannot be guessed."""

from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn_rs_py import zxcvbn

from portal.rules.accounts import (
    PASSWORD_MAX_LENGTH,
    UNION_WORDS,
    canonical_email,
    delay_after,
    looks_like_member_number,
    must_renew_password,
    password_weakness,
)
from portal.rules.links import account_of_reminders, code_of, hash_of, keyed, reminders_token, token_of
from portal.rules.refusals import Refusal

KNOWN = [*UNION_WORDS, "Marguerite", "Bourgeoys", "marguerite.bourgeoys@acep.example", "900123"]

GOOD = """
le canard boiteux traverse la rue
J'ai mangé trois poires mardi soir
la neige tombe sur le pont Alexandra
tabouret-lanterne-ciseau-moulin
Mon premier vélo était orange rouillé
plutôt vingt tortues que deux lions
éléphant-crayon-brouette-zèbre
correct cheval batterie agrafe
my grandmother paints blue tractors
Nine purple otters juggle teapots
kettle drum, borrowed umbrella
why does the toaster hum at noon
on the 3rd try it finally worked out
x7#Kq2!vBn9$Lw4
四月の雨は静かに窓を打つていた夜
"""

EASY = """
aaaaaaaaaaaaaaa
passwordpassword
motdepassemotdepasse
123456789012345
qwertyuiopasdfgh
azertyuiopqsdfghjklm
MargueriteBourgeoys
Marguerite Bourgeoys 2017
ACEP-CAPE-ACEP-CAPE
syndicatsyndicat2017
bonjourbonjourbonjour
900123900123900123
Portail Scrutin Vote 2017
abcabcabcabcabcabc
marguerite.bourgeoys@acep.example
"""


def weakness(password: str) -> Refusal | None:
    score = int(zxcvbn(password[:128], KNOWN).score)
    return password_weakness(password, min_length=15, score=score, known_words=KNOWN)


@pytest.mark.parametrize("password", GOOD.split("\n")[1:-1])
def test_a_phrase_in_any_language_is_welcome(password: str) -> None:
    assert weakness(password) is None


@pytest.mark.parametrize("password", EASY.split("\n")[1:-1])
def test_what_an_acquaintance_would_try_is_refused(password: str) -> None:
    assert weakness(password) is Refusal.PASSWORD_TOO_EASY


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", Refusal.PASSWORD_TOO_SHORT),
        ("court mais bon", Refusal.PASSWORD_TOO_SHORT),
        ("é" * 14, Refusal.PASSWORD_TOO_SHORT),
        ("le canard\tboiteux traverse", Refusal.PASSWORD_CONTROL_CHARACTER),
        ("le canard boiteux traverse\n", Refusal.PASSWORD_CONTROL_CHARACTER),
        ("le canard\x00 boiteux traverse", Refusal.PASSWORD_CONTROL_CHARACTER),
        ("x" * (PASSWORD_MAX_LENGTH + 1), Refusal.PASSWORD_TOO_LONG),
    ],
)
def test_the_form_of_a_password(password: str, refusal: Refusal) -> None:
    assert weakness(password) is refusal


def test_a_password_may_be_as_long_as_the_limit() -> None:
    phrase = "vingt tortues lisent le journal pendant que deux lions dansent sous la pluie froide de novembre "

    assert weakness((phrase * 2)[:PASSWORD_MAX_LENGTH]) is None


@given(failures=st.integers(0, 50))
def test_more_failures_never_mean_a_shorter_wait(failures: int) -> None:
    assert delay_after(failures) <= delay_after(failures + 1) <= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (4, 0), (5, 30), (6, 30), (7, 120), (9, 120), (10, 900), (1000, 900)]
)
def test_the_wait_grows_with_wrong_pairs(failures: int, seconds: int) -> None:
    assert delay_after(failures) == timedelta(seconds=seconds)


def test_a_password_from_before_the_cut_off_must_be_renewed() -> None:
    cutoff = datetime(2016, 11, 11, 5, tzinfo=UTC)

    assert must_renew_password(cutoff - timedelta(microseconds=1), cutoff)
    assert not must_renew_password(cutoff, cutoff)
    assert not must_renew_password(cutoff, None)


@pytest.mark.parametrize(
    ("typed", "is_one"),
    [
        ("900001", True),
        ("999999", True),
        ("800001", False),
        ("90000", False),
        ("9000011", False),
        ("900001\n", False),
        (" 900001", False),
        ("٩00001", False),
        ("9٠٠٠٠١", False),
        ("", False),
    ],
)
def test_a_member_number_is_six_plain_digits_beginning_with_nine(typed: str, is_one: bool) -> None:
    assert looks_like_member_number(typed) is is_one


def test_two_spellings_of_an_address_are_one() -> None:
    assert canonical_email("  Marguerite.BOURGEOYS@Acep.Example ") == "marguerite.bourgeoys@acep.example"


@pytest.mark.parametrize(
    "typed",
    [
        "É@ÉXEMPLE.test",
        "e\N{COMBINING ACUTE ACCENT}@e\N{COMBINING ACUTE ACCENT}xemple.test",
        "é@xn--xemple-9ua.test",
        "É@XN--XEMPLE-9UA.TEST ",
        "é@éxemple\N{IDEOGRAPHIC FULL STOP}test",
    ],
)
def test_two_spellings_of_one_address_are_one(typed: str) -> None:
    """T113: accents composed or not, punycode and capitals collide."""
    assert canonical_email(typed) == "é@xn--xemple-9ua.test"


@pytest.mark.parametrize("local", ["m.b", "mb+votes", "m\N{CYRILLIC SMALL LETTER VE}"])
def test_what_is_another_address_stays_another(local: str) -> None:
    """T113: no provider's tricks with dots and plus signs, and no look-alike."""
    assert canonical_email(f"{local}@acep.test") != canonical_email("mb@acep.test")
    assert canonical_email("mb@\N{CYRILLIC SMALL LETTER A}cep.test") != canonical_email("mb@acep.test")


@pytest.mark.parametrize(
    "typed", ["", "@", "a@", "a", "a@b..c", f"a@{'x' * 70}.test", "a@b c", "a@\udc80", "a@xn--.test"]
)
def test_what_is_no_address_stays_what_was_typed(typed: str) -> None:
    assert canonical_email(typed) == typed


secrets = st.binary(min_size=32, max_size=64)


@given(secret=secrets, account_id=st.uuids())
def test_a_token_of_reminders_names_its_account_and_no_other_is_taken(secret: bytes, account_id: UUID) -> None:
    token = reminders_token(secret, account_id)
    assert len(token) == 43
    assert account_of_reminders(secret, token) == account_id
    assert account_of_reminders(secret + b"x", token) is None
    for wrong in (token[:-1], token + "A", token.swapcase(), "", "é", "x" * 43, "A" + token[1:], token[:22] + "A" * 21):
        assert wrong == token or account_of_reminders(secret, wrong) is None


@given(secret=secrets, link_id=st.uuids())
def test_a_token_is_256_bits_and_the_same_at_every_try(secret: bytes, link_id: UUID) -> None:
    token = token_of(secret, link_id)

    assert token == token_of(secret, link_id)
    assert len(urlsafe_b64decode(token + "=")) == 32
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(hash_of(token)) == 32


@given(secret=secrets, other=secrets, link_id=st.uuids())
def test_another_secret_gives_another_token(secret: bytes, other: bytes, link_id: UUID) -> None:
    assert (token_of(secret, link_id) == token_of(other, link_id)) == (secret == other)


def test_every_link_has_a_token_of_its_own() -> None:
    assert len({token_of(b"s" * 32, uuid4()) for _ in range(2000)}) == 2000


@given(secret=secrets, link_id=st.uuids())
def test_a_code_is_six_digits_and_says_nothing_of_the_token(secret: bytes, link_id: UUID) -> None:
    code = code_of(secret, link_id)

    assert code == code_of(secret, link_id)
    assert len(code) == 6
    assert code.isdecimal()
    assert code not in token_of(secret, link_id)


def test_codes_use_their_whole_range() -> None:
    codes = {code_of(b"s" * 32, uuid4()) for _ in range(3000)}

    assert len(codes) > 2950
    assert {code[0] for code in codes} == set("0123456789")


def test_the_name_of_a_counter_tells_nobody_what_it_counts() -> None:
    name = keyed(b"s" * 32, "sign-in", "marguerite@exemple.test")

    assert "marguerite" not in name
    assert name == keyed(b"s" * 32, "sign-in", "marguerite@exemple.test")
    assert name != keyed(b"t" * 32, "sign-in", "marguerite@exemple.test")
    assert name != keyed(b"s" * 32, "renewal", "marguerite@exemple.test")
