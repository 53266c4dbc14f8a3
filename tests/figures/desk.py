"""The reviewers' desk with 5,000 cases waiting: what its pages take, and a decision every five seconds."""

import asyncio
import re
import secrets
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import text

from api.guards import COOKIE
from deploy.specimens import specimen_card
from portal.rules.accounts import Role, SessionKind
from portal.rules.links import hash_of
from portal.store import decisions, queue
from portal.store import sessions as sign_ins
from portal.store.campaigns import Campaign
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.figures.ground import Ground, ground

WAITING = 5_000
LOOKS, PICTURES = 200, 60
DECISIONS, RHYTHM = 25, 5.0
FORM = "application/x-www-form-urlencoded"
READ = {"name": "Membre Numéro", "street": "1, rue du Théâtre", "city": "Gatineau", "postal_code": "J8X 1A1"}

# Five thousand wait, twenty thousand were decided in the three weeks before.
QUEUE = (
    """
    insert into member (id, number, given_name, family_name, street, city, province, postal_code, "group", standing,
                        language)
    select gen_random_uuid(), (960000 + n)::text, 'Membre', 'Numéro', n || ', rue du Théâtre', 'Gatineau', 'QC',
           'J8X 1A1', 'EC', 'member', (array['fr', 'en'])[1 + n % 2]
    from generate_series(1, 25000) n
    """,
    """
    insert into submission (id, campaign_id, member_id, status, list_version, submitted_at, over_at, erased_at)
    select gen_random_uuid(), :campaign, id,
           case when number::int <= 960000 + :waiting then 'submitted' else 'approved' end,
           '2026-11', now() - (number::int - 960000) * interval '80 seconds',
           case when number::int > 960000 + :waiting then now() end,
           case when number::int > 960000 + :waiting then now() end
    from member where number > '960000'
    """,
    "alter table claim disable trigger user",
    "alter table opinion disable trigger user",
    """
    insert into claim (id, submission_id, reviewer_id, claimed_at, expires_at)
    select gen_random_uuid(), s.id, :reviewer, s.submitted_at, s.submitted_at
    from submission s join member m on m.id = s.member_id where s.status = 'approved' and m.number > '960000'
    """,
    """
    insert into opinion (claim_id, submission_id, reviewer_id, verdict, given_at, undo_until)
    select c.id, c.submission_id, c.reviewer_id, 'approve', c.claimed_at, c.claimed_at
    from claim c where c.reviewer_id = :reviewer
    """,
    """
    insert into decision (submission_id, claim_id, reviewer_id, verdict, decided_at)
    select submission_id, claim_id, reviewer_id, 'approve', given_at from opinion where reviewer_id = :reviewer
    """,
    "alter table claim enable trigger user",
    "alter table opinion enable trigger user",
)


class Desk:
    """A reviewer's browser, over a connection that is open."""

    def __init__(self, there: Ground, cookie: str) -> None:
        self.there = there
        self.headers = {"Cookie": cookie, "Host": there.host}
        self.token = ""

    def get(self, path: str, **headers: str) -> float:
        took, status = self.there.get(path, {**self.headers, **headers})
        assert status == 200, (path, status)
        return took

    def post(self, path: str, **data: str) -> tuple[float, str, str]:
        """How long the answer took, where it leads, and what it says."""
        wire, body = self.there.wire, urlencode({"form_token": self.token, **data})
        # The server hangs up on whoever is silent for long.
        wire.close()
        wire.connect()
        began = time.perf_counter()
        wire.request("POST", path, body, {**self.headers, "Content-Type": FORM, "Sec-Fetch-Site": "same-origin"})
        answer = wire.getresponse()
        said = answer.read().decode()
        took = (time.perf_counter() - began) * 1000
        assert answer.status in (200, 303), (path, answer.status, said[-400:])
        return took, answer.headers.get("location", ""), said


def told(name: str, took: list[float], wanted: str) -> None:
    took.sort()
    print(
        f"  {name:<28} p50 {statistics.median(took):6.1f}   p95 {took[int(len(took) * 0.95)]:6.1f}   "
        f"longest {took[-1]:6.1f} {wanted}"
    )


async def arrange(there: Ground, campaign: Campaign) -> tuple[Desk, UUID]:
    """The queue, and a reviewer signed in."""
    async with there.sessions.begin() as session:
        other = await builders.a_staff_account(session, Role.REVIEWER)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER)
        values = {"campaign": campaign.id, "waiting": WAITING, "reviewer": other.id}
        for statement in QUEUE:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            await session.execute(text(statement), named)
    async with there.sessions.begin() as session:
        await session.execute(text("analyze"))
    token = secrets.token_urlsafe(32)
    async with there.sessions.begin() as session:
        # Signed in with a key, which takes a browser.
        await sign_ins.begin(
            session, token_hash=hash_of(token), account_id=reviewer.id, kind=SessionKind.STAFF,
            form_token=secrets.token_urlsafe(24), stepped_up=False, factor=True,
        )  # fmt: skip
    desk = Desk(there, f"{COOKIE}={token}")
    page = await there.http.get("/fr/examen", headers=desk.headers)
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found, "signed in"
    desk.token = found.group(1)
    return desk, reviewer.id


async def a_real_case(there: Ground) -> None:
    """One with a picture, before all others."""
    async with there.sessions.begin() as session:
        member = await builders.a_member(session, password_hash=PASSWORD_HASH, verified=True)
        email = await session.scalar(text("select email from account where member_id = :id"), {"id": member.id})
    same = {"Sec-Fetch-Site": "same-origin"}
    answer = await there.http.post("/fr/connexion", data={"email": email, "password": PASSWORD}, headers=same)
    headers = {**same, "Cookie": answer.headers["set-cookie"].split(";")[0]}
    page = await there.http.get("/fr/profil/identite", headers=headers)
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token
    data = {"form_token": token.group(1), "kind1": "driving-licence", "kind2": ""}
    files = {"file1": ("a.jpg", specimen_card(), "image/jpeg")}
    answer = await there.http.post("/fr/profil/identite", data=data, files=files, headers=headers)
    draft = answer.headers["location"].rpartition("/")[2]
    data = {"form_token": token.group(1), "submission_id": draft}
    await there.http.post("/fr/profil/identite/envoi", data=data, headers=headers)
    async with there.sessions.begin() as session:
        await session.execute(
            text("update submission set submitted_at = now() - interval '29 days' where member_id = :id"),
            {"id": member.id},
        )


async def pages(there: Ground, campaign: Campaign) -> None:
    """Print what the desk takes."""
    desk, reviewer = await arrange(there, campaign)
    await a_real_case(there)
    print(f"\nThe review desk with {WAITING:,} cases waiting, in ms")
    told("queue", [desk.get("/fr/examen") for _ in range(LOOKS)], "(p95 ≤ 80)")
    took, case, _ = desk.post("/fr/examen")
    print(f"  {'take the first':<28} {took:10.1f}")
    told("case, blind", [desk.get(case) for _ in range(LOOKS)], "(p95 ≤ 80)")
    page = await there.http.get(case, headers=desk.headers)
    picture = re.search(r'src="(/fr/examen/[^"]+/image/[^"]+)"', page.text)
    assert picture, "a case with a picture"
    shown = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}
    told("picture, marked", [desk.get(picture.group(1), **shown) for _ in range(PICTURES)], "")
    desk.post(f"{case}/rendre")
    await sustained(desk)
    async with there.sessions.begin() as session:
        figures = await queue.figures(session, reviewer, "America/Toronto")
        since = await session.scalar(text("select now() - interval '30 days'"))
        same, looked = await decisions.agreement(session, since)
    print(
        f"  throughput {figures.last_hour} in the last hour, median wait {figures.median_wait or timedelta(0)}, "
        f"agreement {same} of {looked}"
    )


async def sustained(desk: Desk) -> None:
    """Take, read, compare, approve: every five seconds, by one person, for two minutes."""
    answers: dict[str, list[float]] = {"take": [], "case": [], "compare": [], "decide": []}
    began = time.perf_counter()
    for n in range(DECISIONS):
        took, case, _ = desk.post("/fr/examen")
        answers["take"].append(took)
        answers["case"].append(desk.get(case))
        answers["compare"].append(desk.post(f"{case}/comparaison", **READ)[0])
        took, where, _ = desk.post(f"{case}/decision", verdict="approve", confirmed="yes")
        assert where.endswith("/fait"), where
        answers["decide"].append(took)
        await asyncio.sleep(max(0.0, began + (n + 1) * RHYTHM - time.perf_counter()))
    lasted = time.perf_counter() - began
    print(f"  {DECISIONS} decisions in {lasted:.0f} s: one every {lasted / DECISIONS:.1f} s")
    for name, all_of_them in answers.items():
        told(f"  {name}", all_of_them, "")


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with ground(folder) as there:
            async with there.sessions.begin() as session:
                campaign = await builders.a_campaign(session)
            await pages(there, campaign)
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
