"""Reminders switched off and on again by a page of the mail, or by a mail provider's one click."""

from uuid import UUID

from portal.rules.links import reminders_token
from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests.api.conftest import Visit
from tests.api.looking import count, everything, known, says
from tests.api.person import Person
from tests.conftest import ORIGIN, SECRET

OFF = "select count(*) from account where reminders_off_at is not null"
CLICK = {"List-Unsubscribe": "One-Click"}


def address(account_id: UUID, language: str = "fr") -> str:
    token = reminders_token(SECRET.encode(), account_id)
    return f"/fr/rappels?jeton={token}" if language == "fr" else f"/en/reminders?token={token}"


async def test_looking_changes_nothing_and_the_button_does(visit_alone: Visit, sessions: Sessions) -> None:
    """T16: scanners open this link like any other."""
    who = await known(sessions)
    before = await everything(sessions, but=())
    person = visit_alone()
    await person.get(address(who.account.id))
    assert (await person.client.head(address(who.account.id))).status_code == 200
    assert await everything(sessions, but=()) == before
    assert person.page.h1 == ["Mes rappels"]
    await person.submit("/fr/rappels")
    assert person.response.status_code == 200
    assert "vous ne recevrez plus de rappels" in person.page.text
    assert await count(sessions, OFF) == 1
    # Pressed a second time, reloaded or gone back to: the same.
    await person.get(address(who.account.id))
    assert "vous ne recevrez plus de rappels" in person.page.text
    await person.submit("/fr/rappels")
    assert await count(sessions, OFF) == 0
    assert "Ne plus recevoir de rappels" in person.page.text
    actions = "select count(*) from journal where action in ('reminders-off', 'reminders-on')"
    assert await count(sessions, actions) == 2


async def test_both_languages_lead_to_each_other(visit_alone: Visit, sessions: Sessions) -> None:
    who = await known(sessions)
    person = visit_alone("en")
    await person.get(address(who.account.id, "en"))
    assert person.page.h1 == ["My reminders"]
    (other,) = {link for link in person.page.links if link.startswith("/fr/rappels?")}
    await person.get(other)
    assert person.page.h1 == ["Mes rappels"]


async def one_click(person: Person, where: str, **more: object) -> int:
    """As a mail provider sends it: no cookie, no Origin, no Sec-Fetch-Site, urlencoded or multipart."""
    answer = await person.client.post(where, **{"data": CLICK, **more})  # type: ignore[arg-type]
    return answer.status_code


async def test_a_mail_provider_unsubscribes_with_one_click(visit_alone: Visit, sessions: Sessions) -> None:
    """RFC 8058: a POST to the very address of the header, answered without a redirect."""
    first, second, other = [await known(sessions) for _ in range(3)]
    person = visit_alone()
    assert await one_click(person, address(first.account.id)) == 200
    multipart = {"List-Unsubscribe": (None, "One-Click")}
    assert await one_click(person, address(second.account.id, "en"), data=None, files=multipart) == 200
    assert await count(sessions, OFF) == 2
    assert await count(sessions, OFF + " and id = :id", id=other.account.id) == 0
    # Sent twice it stays off: one click never switches on.
    assert await one_click(person, address(first.account.id), data={**CLICK, "wanted": "oui"}) == 200
    assert await count(sessions, OFF) == 2
    assert not person.client.cookies


async def test_the_token_is_the_whole_authority(visit_alone: Visit, sessions: Sessions) -> None:
    """T25: from anywhere, but with the right token only; and it opens nothing else."""
    who = await known(sessions)
    right = address(who.account.id)
    before = await everything(sessions, but=())
    person = visit_alone()
    for wrong in (right[:-1], right[:-1] + ("A" if right[-1] != "A" else "E"), "/fr/rappels", "/fr/rappels?jeton=",
                  "/fr/rappels?jeton=é", f"/fr/rappels?jeton={'x' * 43}", right.replace("jeton", "autre"),
                  address(UUID(int=7))):  # fmt: skip
        assert await one_click(person, wrong) == 404, wrong
        await person.get(wrong)
        assert says(person, Refusal.LINK_UNKNOWN)
    token = right.partition("=")[2]
    for page in ("courriel/verifier", "mot-de-passe/nouveau"):
        await person.get(f"/fr/{page}?jeton={token}")
        assert says(person, Refusal.LINK_UNKNOWN)
    assert await everything(sessions, but=()) == before


async def test_no_other_address_is_exempt_from_the_rule_of_origin(visit_alone: Visit, sessions: Sessions) -> None:
    """T25: by the exact path, by POST, on the right host."""
    who = await known(sessions)
    token = address(who.account.id).partition("?")[2]
    person = visit_alone()
    for path in ("/fr/rappels/", "/fr//rappels", "/FR/rappels", "/fr/rappels/x", "/fr/reminders", "/fr/connexion"):
        assert await one_click(person, f"{path}?{token}") == 403, path
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await person.client.request(method, f"/fr/rappels?{token}", data=CLICK)
        assert answer.status_code == 403, method
    for header in ({"Host": "evil.test"}, {"X-Forwarded-Host": "evil.test"}):
        assert await one_click(person, f"/fr/rappels?{token}", headers=header) == 400
    assert await one_click(person, f"/fr/rappels?{token}", data={**CLICK, "role": "operator"}) == 422
    assert await count(sessions, OFF) == 0
    assert ORIGIN not in token
