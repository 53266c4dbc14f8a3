"""The desk: read blind and compared, taken back, prolonged, given back, refused by two; and who is watched at it."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image, ImageChops
from sqlalchemy import text
from structlog.testing import capture_logs

from api.portal import Portal
from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests.api.conftest import Visit
from tests.api.looking import change, count, everything
from tests.api.person import Person
from tests.api.test_documents import says, send_card, signed_in
from tests.api.test_documents_access import a_desk, seen, take
from tests.api.test_journey import until

READ = "ce-que-montre-la-piece"


async def a_case(visit: Visit, sessions: Sessions, **more: str) -> tuple[Person, Person]:
    """A member whose picture waits, and a reviewer who has it open."""
    person, _ = await signed_in(visit, sessions, **more)
    await send_card(person)
    desk = await a_desk(visit, sessions)
    await take(desk)
    return person, desk


async def opinions(sessions: Sessions) -> list[tuple[str, bool]]:
    async with sessions.begin() as session:
        rows = await session.execute(text("select verdict, undone_at is null from opinion order by given_at"))
        return [(row[0], row[1]) for row in rows]


def buttons(desk: Person) -> set[str]:
    return {form.action.rpartition("/")[2] for form in desk.page.forms}


async def test_nothing_that_was_read_on_a_picture_is_kept_anywhere(visit: Visit, sessions: Sessions) -> None:
    """T55: it is in the one answer, which no cache keeps; of the fields that differ only the codes stay."""
    _, desk = await a_case(visit, sessions)
    with capture_logs() as logs:
        await desk.compare(name=READ, street=f"12, {READ}", city="Gatineau")
    assert READ in desk.page.text
    assert desk.response.headers["cache-control"].startswith("no-store")
    assert READ not in str(desk.response.url)
    assert READ not in str(logs)
    assert READ not in str(await everything(sessions, but=()))
    async with sessions.begin() as session:
        assert await session.scalar(text("select differs from claim")) == ["name", "street"]
    await desk.get(str(desk.response.url).removesuffix("/comparaison"))
    assert READ not in desk.page.text
    assert "Jean-Baptiste Poquelin" in desk.page.text


async def test_differences_do_not_forbid_an_approval_but_are_confirmed(visit: Visit, sessions: Sessions) -> None:
    _, desk = await a_case(visit, sessions)
    await desk.compare(street="14, rue du Théâtre")
    assert "Le numéro n'est pas le même" in desk.page.text
    form = next(f for f in desk.page.forms if f.fields.get("verdict") == "approve")
    await desk.post(form.action, {k: v for k, v in form.fields.items() if k != "confirmed"})
    assert desk.response.status_code == 422
    assert says(desk, Refusal.DIFFERENCES_TO_CONFIRM)
    assert "Je confirme malgré ce qui diffère : numéro, rue et appartement" in desk.page.text
    assert await opinions(sessions) == []
    await desk.decide("approve")
    assert await opinions(sessions) == [("approve", True)]


async def test_nothing_is_approved_that_was_not_read_first(visit: Visit, sessions: Sessions) -> None:
    _, desk = await a_case(visit, sessions)
    claim = str(desk.response.url)
    token = desk.page.form("/decision").fields["form_token"]
    await desk.post(f"{claim}/decision", {"form_token": token, "verdict": "approve", "confirmed": "yes"})
    assert desk.response.status_code == 422
    assert says(desk, Refusal.COMPARISON_NEEDED)
    await desk.compare(name=" ", street="", city="", postal_code="")
    assert says(desk, Refusal.COMPARISON_NEEDED)
    # The roll looked at first: a better photo may be asked for, and nothing approved.
    await desk.submit("/fiche")
    assert "Jean-Baptiste Poquelin" in desk.page.text
    assert "comparaison" not in buttons(desk)
    for address, data in ((f"{claim}/decision", {"verdict": "approve"}), (f"{claim}/comparaison", {"name": "x"})):
        await desk.post(address, {"form_token": token, **data})
        assert desk.response.status_code == 409, address
        assert says(desk, Refusal.ROLL_SEEN_FIRST)
    assert await opinions(sessions) == []
    await desk.decide("reject", reason="unreadable")
    assert await opinions(sessions) == [("reject", True)]


async def test_an_import_in_between_asks_for_another_comparison(visit: Visit, sessions: Sessions) -> None:
    _, desk = await a_case(visit, sessions)
    await desk.compare()
    await change(
        sessions,
        "insert into roll_import (id, status, live, uploaded_by, lines, wrong)"
        " select c.id, 'draft', true, c.reviewer_id, 1, 0 from claim c",
    )
    await change(
        sessions,
        "insert into roll_change (import_id, position, member_id, kind, changes, doubts, electorate, applied_at)"
        " select c.id, 1, s.member_id, 'changed', 'address', '', false, clock_timestamp()"
        " from claim c join submission s on s.id = c.submission_id",
    )
    await desk.decide("approve")
    assert says(desk, Refusal.COMPARISON_NEEDED)
    assert "comparaison" in buttons(desk)
    assert await opinions(sessions) == []
    await desk.compare()
    await desk.decide("approve")
    assert await opinions(sessions) == [("approve", True)]


async def test_the_words_of_a_better_photo_are_shown_in_the_members_language(visit: Visit, sessions: Sessions) -> None:
    _, desk = await a_case(visit, sessions, language="en")
    assert "La personne lira ces mots-ci, en anglais." in desk.page.text
    assert "We cannot read" in desk.page.text or "could not read" in desk.page.text
    assert 'lang="en"' in desk.page.html


async def test_a_refusal_is_confirmed_and_waits_for_a_second_person(visit: Visit, sessions: Sessions) -> None:
    person, desk = await a_case(visit, sessions)
    await desk.compare(name="Alceste")
    form = [f for f in desk.page.forms if f.fields.get("verdict") == "refuse"][-1]
    await desk.post(form.action, {**form.fields, "reason": ""})
    assert says(desk, Refusal.REASON_NEEDED)
    await desk.post(
        form.action, {"form_token": form.fields["form_token"], "verdict": "refuse", "reason": "suspected-fraud"}
    )
    assert "Refuser cette identité ?" in desk.page.text
    assert await opinions(sessions) == []
    await desk.decide("refuse", reason="suspected-fraud")
    assert "deux personnes au moins" in desk.page.text
    assert await opinions(sessions) == [("refuse", True)]
    assert await count(sessions, "select count(*) from decision") == 0
    # The next one is told nothing of it, nor after having said what they think: it could still be taken back.
    colleague = await a_desk(visit, sessions)
    await take(colleague)
    assert "avait proposé" not in colleague.page.text
    await colleague.decide("approve")
    assert colleague.page.h1 == ["Décision notée"]
    assert "proposé" not in colleague.page.text
    assert "fait=" not in str(colleague.response.url)
    await person.get("/fr/profil")
    assert "refus" not in person.page.text


async def test_a_decision_is_taken_back_and_the_case_is_there_again(
    visit: Visit, sessions: Sessions, portal: Portal
) -> None:
    object.__setattr__(portal.settings, "undo_seconds", 30.0)
    person, desk = await a_case(visit, sessions)
    await desk.decide("approve")
    assert "annuler" in buttons(desk)
    undo = desk.page.form("/annuler")
    await desk.submit("/annuler")
    assert "Votre décision est annulée" in desk.page.text
    # Under its new lease it need not be read again.
    assert "comparaison" not in buttons(desk)
    assert await opinions(sessions) == [("approve", False)]
    await desk.decide("reject", reason="cut-off")
    assert await opinions(sessions) == [("approve", False), ("reject", True)]
    await change(sessions, "update opinion set undo_until = now() where undone_at is null")
    late = str(desk.response.url).replace("/fait", "/annuler")
    await desk.post(late, undo.fields)
    assert desk.response.status_code == 409
    assert "Il est trop tard pour annuler" in desk.page.h1
    assert "examen" in buttons(desk), "« Prendre le suivant »"
    await person.get("/fr/profil")
    assert "Identité confirmée" not in person.page.text


async def test_a_case_is_kept_longer_once_and_given_back_at_once(visit: Visit, sessions: Sessions) -> None:
    _, desk = await a_case(visit, sessions)
    await change(sessions, "update claim set claimed_at = claimed_at - :p, expires_at = expires_at - :p",
                 p=timedelta(minutes=12))  # fmt: skip
    claim = str(desk.response.url)
    prolong = desk.page.form("/prolonger")
    await desk.submit("/prolonger")
    assert "reste réservé plus longtemps" in desk.page.text
    assert "prolonger" not in buttons(desk)
    async with sessions.begin() as session:
        left = await session.scalar(text("select expires_at - clock_timestamp() from claim"))
    assert left is not None and left > timedelta(minutes=14)
    await desk.post(prolong.action, prolong.fields)
    assert says(desk, Refusal.PROLONGED_ALREADY)
    colleague = await a_desk(visit, sessions)
    assert await take(colleague) == []
    await desk.get(claim)
    await desk.submit("/rendre")
    assert "de retour dans la file" in desk.page.text
    assert len(await take(colleague)) == 1
    await desk.get(claim)
    assert desk.response.status_code == 409
    assert "Le dossier est retourné dans la file" in desk.page.h1
    assert "Une ou un collègue" in (await desk.get("/fr/examen")).text


async def test_whoever_knows_the_person_gives_the_case_back_for_good(visit: Visit, sessions: Sessions) -> None:
    _, desk = await a_case(visit, sessions)
    form = next(form for form in desk.page.forms if form.fields.get("knows"))
    await desk.post(form.action, form.fields)
    assert "il ne vous sera plus remis" in desk.page.text
    assert await take(desk) == []
    assert len(await take(await a_desk(visit, sessions))) == 1


async def test_a_picture_says_who_looks_at_it_and_when(visit: Visit, sessions: Sessions) -> None:
    """T50: drawn into its pixels, other ones for everybody, and hardly anything of the picture is touched."""
    person, desk = await a_case(visit, sessions)
    (address,) = [image["src"] for image in desk.page.images]
    first = (await seen(desk, address)).content
    await desk.submit("/rendre")
    assert (await seen(desk, address)).status_code == 404
    colleague = await a_desk(visit, sessions)
    (theirs,) = await take(colleague)
    second = (await seen(colleague, theirs)).content
    await person.get("/fr/profil")
    own = (await seen(person, person.page.images[0]["src"])).content

    pictures = [Image.open(BytesIO(jpeg)).convert("L") for jpeg in (own, first, second)]
    unmarked, one, other = pictures
    assert one.size == other.size and one.width == unmarked.width and one.height > unmarked.height
    assert ImageChops.difference(one, other).getbbox() is not None
    strip = (0, unmarked.height, one.width, one.height)
    assert ImageChops.difference(one.crop(strip), other.crop(strip)).getbbox() is not None
    whole = (0, 0, *unmarked.size)
    touched = ImageChops.difference(one.crop(whole), unmarked).point(lambda level: 255 if level > 8 else 0)
    share = sum(touched.histogram()[255:]) / (unmarked.width * unmarked.height)
    assert 0 < share < 0.03


async def test_whoever_opens_a_great_many_cases_is_stopped_for_the_day(
    visit: Visit, sessions: Sessions, portal: Portal
) -> None:
    """T49: the cap is a setting; what is open already stays open."""
    object.__setattr__(portal.settings, "review_most_a_day", 1)
    _, desk = await a_case(visit, sessions)
    assert len(await take(desk)) == 1
    await desk.submit("/rendre")
    await take(desk)
    assert desk.response.status_code == 429
    assert says(desk, Refusal.TOO_MANY_CASES)
    assert await count(sessions, "select count(*) from claim") == 1


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_the_queue_tells_how_urgent_a_case_is_and_not_whose(
    visit: Visit, sessions: Sessions, language: str
) -> None:
    """T49: no name, no picture, before a case is taken."""
    person, _ = await signed_in(visit, sessions, family_name="Sganarelle")
    await send_card(person)
    desk = await a_desk(visit, sessions)
    await desk.get("/fr/examen" if language == "fr" else "/en/review")
    assert "Sganarelle" not in desk.page.text
    assert desk.page.images == []
    assert ("1 dossier attend" if language == "fr" else "1 case is waiting") in desk.page.text
    assert ("français" if language == "fr" else "French") in desk.page.text


async def test_the_timer_of_a_lease_is_started_and_its_member_reads_that_it_ended(
    visit: Visit, sessions: Sessions
) -> None:
    person, desk = await a_case(visit, sessions)
    await desk.submit("/rendre")
    await person.get("/fr/dossier")
    assert "Votre dossier remis dans la file d'examen" in person.page.text

    async def over() -> bool:
        return await count(sessions, "select count(*) from claim where returned_at is not null") == 1

    await until(over)
