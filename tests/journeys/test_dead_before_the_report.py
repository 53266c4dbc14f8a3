"""A worker that dies after its commit and before its report: the records know, the workflow does not yet.

For as long as Temporal waits for the dead (ten seconds) the two differ; nobody may be refused for it, and
nothing of an identity may be left because of it.
"""

import asyncio
import sys
from uuid import UUID

from deploy import processes
from deploy.processes import Process
from deploy.specimens import specimen_card
from portal.rules.accounts import Purpose, Role
from portal.rules.links import code_of
from portal.store import accounts, identity, links
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.api.person import Person
from tests.conftest import SECRET
from tests.journeys.mails import until
from tests.journeys.stack import PROJECT, Stack

# The real worker, but for one step that is its last.
DEADLY = """
import asyncio, os, signal
from temporalio import activity
from activities import {module}
from worker.__main__ import main

step = {module}.{owner}.{step}

async def {step}(self, order: {module}.{order}) -> {module}.{answer}:
    await step(self, order)
    os.kill(os.getpid(), signal.SIGKILL)

{module}.{owner}.{step} = activity.defn({step})
asyncio.run(main())
"""
CONFIRM = DEADLY.format(
    module="accounts", owner="AccountActivities", step="confirm_email", order="UseLink", answer="Outcome"
)
SUBMIT = DEADLY.format(
    module="identity",
    owner="IdentityActivities",
    step="submit_documents",
    order="SubmissionOf",
    answer="Submitted",
)


def start_deadly(stack: Stack, program: str) -> Process:
    """In the place of the real one."""
    assert stack.worker is not None
    stack.worker.stop(patience=15)
    log = stack.log("deadly")
    return processes.start(
        "deadly worker",
        [sys.executable, "-c", program],
        log=log,
        ready=lambda: b"worker-ready" in log.read_bytes(),
        env=stack.environment("scrutin_worker"),
        cwd=PROJECT,
    )


async def ended(worker: Process) -> None:
    async def over() -> bool:
        return not worker.running

    await until(over, what="the worker's death")
    assert worker.ending == "killed by SIGKILL"


async def insist(person: Person) -> None:
    """Where the answer is «not yet», press the button of that very page."""
    while person.response.status_code == 202:
        await person.submit(person.page.forms[-1].action)


async def a_member(stack: Stack, *, verified: bool) -> tuple[Person, UUID, UUID]:
    async with stack.sessions.begin() as session:
        member = await builders.a_member(session, verified=verified, password_hash=PASSWORD_HASH)
        account = await accounts.of_member(session, member.id)
        assert account is not None
        assert account.email is not None
    person = stack.visit()
    await person.sign_in(account.email, PASSWORD)
    return person, account.id, member.id


async def upload(person: Person) -> None:
    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": ("permis.jpg", specimen_card(), "image/jpeg")}, kind1="driving-licence")


async def test_whoever_has_just_proven_the_address_is_not_told_to_prove_it(stack: Stack) -> None:
    """The page says «Courriel vérifié»; the documents sent from it are taken, now or in a moment."""
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
    await stack.start()
    person, account_id, _ = await a_member(stack, verified=False)
    await person.get("/fr/profil")
    await person.submit("profil/courriel")
    async with stack.sessions.begin() as session:
        link = await links.newest(session, account_id, Purpose.VERIFICATION)
        assert link is not None
    deadly = start_deadly(stack, CONFIRM)
    confirming = asyncio.create_task(person.submit("profil/code", code=code_of(SECRET.encode(), link.id)))
    await ended(deadly)
    stack.start_worker()
    await confirming
    await insist(person)
    await upload(person)
    await insist(person)
    assert person.response.status_code == 200, person.page.text
    await person.get("/fr/profil")
    assert "Document 1, reçu le" in person.page.text


async def test_documents_approved_before_the_workflow_heard_of_them_are_deleted_as_any_other(
    stack: Stack,
) -> None:
    """Brief §4: on approval the pictures go within the promised time, and the member can register."""
    async with stack.sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
        assert reviewer.email is not None
    await stack.start()
    person, _, member_id = await a_member(stack, verified=True)
    desk = stack.visit()
    await desk.sign_in(reviewer.email, PASSWORD)
    deadly = start_deadly(stack, SUBMIT)
    sending = asyncio.create_task(upload(person))
    await ended(deadly)
    await desk.submit("/examen")
    await desk.decide("approve")
    assert "Votre décision est enregistrée" in desk.page.text
    stack.start_worker()
    await sending

    async def erased() -> bool:
        async with stack.sessions.begin() as session:
            newest = await identity.newest(session, campaign.id, member_id)
            return newest is not None and await identity.erasure_of(session, newest.id) is not None

    await until(erased, within=25, what="the deletion")
    assert await stack.files.stored() == []
    await person.get("/fr/votes/inscription")
    await person.submit("votes/inscription", password=PASSWORD)
    await insist(person)
    assert person.response.status_code == 200, person.page.text
    await person.get("/fr/accueil")
    assert "a été supprimée le" in person.page.text
    assert "Tout est prêt" in person.page.text
