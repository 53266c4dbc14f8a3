"""Who sees a member's picture, and until when; what becomes of it when another is sent."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.refusals import Refusal
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.person import Person
from tests.api.test_documents import CARD, a_file, a_ready_member, says, send_card, signed_in
from tests.api.test_journey import until
from tests.conftest import Servers

BY_A_PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}


async def a_desk(visit: Visit, sessions: Sessions, *roles: Role, member_id: UUID | None = None) -> Person:
    """Somebody of the staff, in."""
    async with sessions.begin() as session:
        account = await builders.a_staff_account(
            session, *(roles or (Role.REVIEWER,)), member_id=member_id, password_hash=PASSWORD_HASH
        )
        assert account.email is not None
    desk = visit()
    await desk.sign_in(account.email, PASSWORD)
    return desk


async def take(desk: Person) -> list[str]:
    """The next case; the addresses of its pictures."""
    await desk.get("/fr/examen")
    await desk.submit("/examen")
    return [image["src"] for image in desk.page.images]


async def seen(person: Person, address: str, **headers: str) -> httpx.Response:
    """A picture as the browser asks for it; nothing is followed."""
    return await person.client.get(address, headers={**BY_A_PAGE, **headers}, follow_redirects=False)


async def statuses(sessions: Sessions) -> list[str]:
    async with sessions.begin() as session:
        return list(await session.scalars(text("select status from submission order by staged_at, id")))


async def erased_all_but(count: int, sessions: Sessions, files: MinioFiles) -> None:
    """Wait until only so many objects are left, and the rest has its certificate."""

    async def so() -> bool:
        async with sessions.begin() as session:
            waiting = await session.scalar(
                text("select count(*) from submission where over_at is not null and erased_at is null")
            )
        return waiting == 0 and len(await files.stored()) == count

    await until(so)


async def test_a_picture_is_given_to_an_image_of_our_own_pages_only(visit: Visit, sessions: Sessions) -> None:
    """T46: not to another site, not to a frame, not to the address bar; and never kept by a browser."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    address = person.page.images[0]["src"]
    ours = await seen(person, address)
    assert ours.status_code == 200
    assert ours.content.startswith(b"\xff\xd8\xff")
    assert ours.headers["content-type"] == "image/jpeg"
    assert ours.headers["cache-control"] == "no-store, private"
    assert ours.headers["cross-origin-resource-policy"] == "same-origin"
    assert ours.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in ours.headers["content-security-policy"]
    strangers: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Dest": "document"}, {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Dest": "script"},
    ]  # fmt: skip
    for headers in strangers:
        refused = await seen(person, address, **headers)
        assert refused.status_code == 403, headers
        assert not refused.content.startswith(b"\xff\xd8"), headers


async def test_nobody_else_gets_a_picture_nor_learns_that_it_exists(visit: Visit, sessions: Sessions) -> None:
    """T47: another member, staff without the case, nobody at all."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    address = person.page.images[0]["src"]
    document = address.rpartition("/")[2]
    holder = await a_desk(visit, sessions)
    (of_case,) = await take(holder)
    assert (await seen(holder, of_case)).status_code == 200
    claim = of_case.split("/")[3]

    other, _ = await signed_in(visit, sessions)
    await send_card(other)
    colleague = await a_desk(visit, sessions)
    (of_other_case,) = await take(colleague)
    others: dict[str, Person] = {
        "another member": other,
        "a reviewer with another case": colleague,
        "a reviewer without a case": await a_desk(visit, sessions),
        "an operator": await a_desk(visit, sessions, Role.OPERATOR),
        "an officer": await a_desk(visit, sessions, Role.OFFICER),
        "an auditor": await a_desk(visit, sessions, Role.AUDITOR),
        "nobody": visit(),
    }
    for who, somebody in others.items():
        for real, invented in (
            (address, address.replace(document, str(uuid4()))),
            (of_case, of_case.replace(claim, str(uuid4())).replace(document, str(uuid4()))),
        ):
            found = await seen(somebody, real)
            assert found.status_code in (303, 403, 404), (who, real)
            assert not found.content.startswith(b"\xff\xd8"), (who, real)
            # The same answer for a picture that never was.
            assert (await seen(somebody, invented)).status_code == found.status_code, (who, real)
    assert (await seen(other, address)).status_code == 404
    # A claim on one case opens no picture of another.
    crossed = of_other_case.rpartition("/")[0] + "/" + document
    assert (await seen(colleague, crossed)).status_code == 404
    async with sessions.begin() as session:
        looks = await session.execute(
            text("select actor, count(*) from journal where action = 'picture-seen' and subject_id = :d group by 1"),
            {"d": document},
        )
        assert [tuple(row) for row in looks] == [("reviewer", 1)]


async def test_a_member_sees_the_documents_of_nobody_else_by_their_forms_either(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T47: withdrawing or sending what is somebody else's."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    theirs = person.page.form("/retrait").fields["submission_id"]
    other, _ = await signed_in(visit, sessions)
    await other.get("/fr/profil")
    token = other.page.form("/deconnexion").fields["form_token"]
    for action, submission in (("retrait", theirs), ("envoi", theirs), ("retrait", "x"), ("envoi", str(uuid4()))):
        await other.post(f"/fr/profil/identite/{action}", {"form_token": token, "submission_id": submission})
        assert other.response.status_code == 422, action
    assert await statuses(sessions) == ["submitted"]
    assert len(await files.stored()) == 1


async def test_a_second_upload_replaces_the_first_whose_picture_is_erased(
    visit: Visit, sessions: Sessions, files: MinioFiles, servers: Servers, api_settings: Settings
) -> None:
    """T45, T51."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    first = person.page.images[0]["src"]
    (before,) = await files.stored()
    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": a_file(CARD), "file2": a_file(CARD)}, kind1="passport", kind2="lease")
    assert person.response.status_code == 200
    assert len(person.page.images) == 2
    await erased_all_but(2, sessions, files)
    assert await statuses(sessions) == ["replaced", "submitted"]
    assert before.key not in {file.key for file in await files.stored()}
    assert not list((servers.objects.folder / api_settings.s3_bucket).rglob(before.key))
    assert (await seen(person, first)).status_code == 404
    assert [(await seen(person, image["src"])).status_code for image in person.page.images] == [200, 200]


async def test_documents_taken_back_are_erased_and_the_step_begins_again(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    address = person.page.images[0]["src"]
    again = person.page.form("/retrait")
    await person.submit("/retrait")
    assert "Vos photos ont été retirées" in person.page.text
    assert not person.page.images
    assert (await seen(person, address)).status_code == 404
    # The same button of a page that was left open.
    await person.post(again.action, again.fields)
    assert person.response.status_code == 200
    await erased_all_but(0, sessions, files)
    await person.get("/fr/profil")
    assert "a été supprimée le" in person.page.text
    assert "Télécharger une photo ID" in person.page.text
    await send_card(person)
    assert await statuses(sessions) == ["withdrawn", "submitted"]


@pytest.mark.parametrize("verdict", ["approve", "reject"])
async def test_once_decided_a_picture_is_shown_to_nobody_any_more(
    visit: Visit, sessions: Sessions, files: MinioFiles, verdict: str
) -> None:
    """T47: the case is closed from the decision on, not only from the erasure on."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    address = person.page.images[0]["src"]
    desk = await a_desk(visit, sessions)
    (of_case,) = await take(desk)
    case = str(desk.response.url)
    await desk.decide(verdict, **({"reason": "unreadable"} if verdict == "reject" else {}))
    assert "Votre décision est enregistrée" in desk.page.text
    assert (await seen(desk, of_case)).status_code == 404
    await desk.get(case)
    assert desk.response.status_code == 409
    assert says(desk, Refusal.ALREADY_DECIDED)
    await erased_all_but(0, sessions, files)
    assert (await seen(person, address)).status_code == 404


async def test_two_tabs_that_send_at_once_leave_one_live_submission(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """The one that comes second replaces the other, whose pictures are erased."""
    _, email = await a_ready_member(sessions)
    tabs: list[Person] = [visit(), visit()]
    for tab in tabs:
        await tab.sign_in(email, PASSWORD)
        await tab.get("/fr/profil/identite")

    async def send(tab: Person) -> Any:
        return await tab.send_documents({"file1": a_file(CARD)}, kind1="driving-licence")

    await asyncio.gather(*(send(tab) for tab in tabs))
    # The older one may have come second: then its pictures had been given up for the newer ones, and it is told so.
    assert all(tab.response.status_code == 200 or says(tab, Refusal.DOCUMENTS_GONE) for tab in tabs)
    await erased_all_but(1, sessions, files)
    left = sorted(await statuses(sessions))
    assert left in (["replaced", "submitted"], ["abandoned", "submitted"])


async def test_a_picture_looked_at_and_not_sent_is_erased_once_another_is_sent(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T45, T51: and the old page left open says so."""
    person, _ = await signed_in(visit, sessions)
    await person.get("/fr/profil/identite")
    await person.submit("/identite", kind1="driving-licence", files={"file1": a_file(CARD)})
    assert person.page.h1 == ["Vérifiez avant d'envoyer"]
    assert await statuses(sessions) == ["staged"]
    left_open, shown = person.page.form("/envoi"), person.page.images[0]["src"]
    assert (await seen(person, shown)).status_code == 200
    stranger, _ = await signed_in(visit, sessions)
    assert (await seen(stranger, shown)).status_code == 404
    await send_card(person)
    await erased_all_but(1, sessions, files)
    assert await statuses(sessions) == ["abandoned", "submitted"]
    assert (await seen(person, shown)).status_code == 404
    await person.post(left_open.action, left_open.fields)
    assert says(person, Refusal.DOCUMENTS_GONE)


async def test_a_form_with_fields_of_its_own_invention_changes_nothing(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    """T36, T25: nor one without the token of its session, nor one from elsewhere."""
    person, _ = await signed_in(visit, sessions)
    await person.get("/fr/profil/identite")
    form = person.page.form("/identite")
    good = {**form.fields, "kind1": "driving-licence"}
    bad: list[tuple[dict[str, str], dict[str, str]]] = [
        ({**good, "status": "approved"}, {}),
        ({**good, "form_token": "x"}, {}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
        (good, {"Sec-Fetch-Site": "", "Origin": "https://ailleurs.test"}),
    ]
    for fields, headers in bad:
        data = {k: v for k, v in fields.items() if not k.startswith("file")}
        await person.post(form.action, data, files={"file1": a_file(CARD)}, headers=headers)
        assert person.response.status_code == 403, (fields, headers)
    assert await statuses(sessions) == []
    assert await files.stored() == []
