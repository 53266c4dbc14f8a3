"""What a file of the vote may look like, as tables of what stands under each name (docs/vote-formats.md).

deploy/count.mjs holds files to the same tables, so that both counters accept and refuse the same ones.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from portal.rules.canonical import Json, instant, load, unb64
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import Outcome
from portal.rules.votes import CIPHERTEXT_SIZE, MOST_CHOICES, BallotKind, Majority

CODE = re.compile("[a-z0-9][a-z0-9-]*")
# A campaign names files.
CAMPAIGN = re.compile("[A-Za-z0-9][A-Za-z0-9._-]*")
# Numbers that every language holds exactly, and no electorate reaches.
MOST = 10**9

# A value of what stands in a document, or None of what may not stand there.
Check = Callable[[object], Any]
# An object with exactly these names; a list of such; null or such; one value.
Shape = dict[str, Any] | list[Any] | tuple[None, Any] | Check

_INSTANT = re.compile("2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_HASH = re.compile("[0-9a-f]{64}")
_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def text(pattern: re.Pattern[str] | None = None) -> Check:
    return lambda found: found if isinstance(found, str) and (pattern is None or pattern.fullmatch(found)) else None


def one_of(values: Iterable[str]) -> Check:
    known = {str(value): value for value in values}
    return lambda found: known.get(found) if isinstance(found, str) else None


def number(least: int = 0, most: int = MOST) -> Check:
    """A whole number; `true` is none, nor is `1.0`."""
    return lambda found: found if type(found) is int and least <= found <= most else None


def data(size: int | None = None) -> Check:
    def check(found: object) -> bytes | None:
        content = unb64(found) if isinstance(found, str) else None
        return content if content is not None and size in (None, len(content)) else None

    return check


def flag(found: object) -> bool | None:
    return found if isinstance(found, bool) else None


def moment(found: object) -> datetime | None:
    """An instant that there is, in its one spelling."""
    if not isinstance(found, str) or not _INSTANT.fullmatch(found):
        return None
    try:
        there_is = datetime.fromisoformat(found)
    except ValueError:
        return None
    return there_is if instant(there_is) == found else None


anything, code, campaign, sha256, uuid = text(), text(CODE), text(CAMPAIGN), text(_HASH), text(_UUID)
point, option = data(65), number(most=0xFFFF)
words = {"fr": anything, "en": anything}

# What a signature can be of.
SIGNED = ("urn", "result", "destruction")

TRUSTEE: Json = {"code": code, "sealing": point, "signing": data(32)}
ELECTION: Json = {"campaign": campaign, "public_key": point, "trustees": [TRUSTEE], "made_at": moment}
SHARES: Json = {"campaign": campaign, "public_key": point, "wraps": [{"pair": [code], "wrapped": data()}]}
BALLOT: Json = {
    "ballot": uuid, "code": code, "definition": anything, "definition_sha256": sha256, "electors": number(),
    "on_paper": number(), "set_aside": number(), "ciphertexts": [data(CIPHERTEXT_SIZE)], "list_sha256": sha256,
}  # fmt: skip
URN: Json = {
    "campaign": campaign, "public_key": point, "sealed_at": moment, "roll_at_opening": (None, sha256),
    "roll_at_seal": sha256, "ballots": [BALLOT],
}  # fmt: skip
DEFINITION: Json = {
    "ballot": uuid, "campaign": campaign, "code": code, "kind": one_of(BallotKind), "choose": number(1, MOST_CHOICES),
    "majority": one_of(Majority), "quorum_percent": (None, number(1, 100)), "groups": [anything], "members_only": flag,
    "title": words, "question": words, "options": [{"id": option, **words}],
}  # fmt: skip
SIGNATURE: Json = {
    "of": one_of(SIGNED), "campaign": campaign, "sha256": sha256, "by": code, "signature": data(64),
}  # fmt: skip
COUNTED: Json = {
    "ballot": uuid, "code": code, "kind": one_of(BallotKind), "electors": number(), "votes": number(),
    "invalid": number(), "blank": number(), "options": [{"id": option, "votes": number()}],
    "outcome": one_of(Outcome), "elected": [option], "tied": [option],
}  # fmt: skip
RESULT: Json = {"campaign": campaign, "manifest_sha256": sha256, "ballots": [COUNTED]}
PUBLICATION: Json = {
    "campaign": campaign, "public_key": point, "result_sha256": sha256, "results_at": moment, "destroy_after": moment,
    "held": flag,
}  # fmt: skip
DESTRUCTION: Json = {"campaign": campaign, "public_key": point, "shares": [sha256], "destroyed_at": moment}


def fit(name: str, found: object, shape: Shape, field: str = "") -> Any:
    """What stands in a document of this shape; Wrong, with the field, if something else does."""
    if isinstance(shape, dict):
        if not isinstance(found, dict):
            raise wrong(name, field)
        for odd in sorted(set(shape) ^ set(found)):
            raise wrong(name, odd)
        return {key: fit(name, found[key], one, key) for key, one in shape.items()}
    if isinstance(shape, tuple):
        return None if found is None else fit(name, found, shape[1], field)
    if isinstance(shape, list):
        if not isinstance(found, list):
            raise wrong(name, field)
        return [fit(name, one, shape[0], field) for one in found]
    value = shape(found)
    if value is None:
        raise wrong(name, field)
    return value


def loaded(name: str, content: bytes, form: str, shape: Json) -> Json:
    """What a file of this format says; Wrong if a byte of it is not as it should be."""
    return dict(fit(name, load(name, content, form), {"format": anything, **shape}))


def wrong(name: str, field: str) -> Wrong:
    return Wrong(Fault.FIELD_WRONG, file=name, field=field)
