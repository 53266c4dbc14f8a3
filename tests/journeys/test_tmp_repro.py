import asyncio, os, sys, time, pytest
from datetime import timedelta
from deploy import processes
from portal.rules.accounts import Purpose
from portal.rules.links import code_of
from portal.store import accounts, links
from portal.temporal import connect
from tests import builders
from tests.conftest import SECRET
from tests.journeys.stack import Stack, PROJECT
from workflows.messages import workflow_id

DEADLY = '''
import os, signal, asyncio
from activities import accounts
from temporalio import activity
orig = accounts.AccountActivities.confirm_email
async def confirm_email(self, order: accounts.UseLink) -> accounts.Outcome:
    await orig(self, order)
    os.kill(os.getpid(), 9)
    return accounts.Outcome()
accounts.AccountActivities.confirm_email = activity.defn(name="confirm_email")(confirm_email)
from worker.__main__ import main
asyncio.run(main())
'''


from tests.api.conftest import PASSWORD, PASSWORD_HASH
from portal.rules.accounts import Role
from deploy.specimens import specimen_card
DEADLY2 = DEADLY.replace("accounts.AccountActivities","identity.IdentityActivities").replace("confirm_email","submit_documents").replace("from activities import accounts","from activities import identity").replace("accounts.UseLink","identity.SubmissionOf").replace("accounts.Outcome","identity.Submitted")

async def test_repro2(stack: Stack) -> None:
    async with stack.sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, password_hash=PASSWORD_HASH, verified=True)
        account = await accounts.of_member(session, member.id)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
    await stack.start()
    person = stack.visit()
    await person.sign_in(account.email, PASSWORD)
    desk = stack.visit()
    await desk.sign_in(reviewer.email, PASSWORD)
    stack.worker.stop()
    await asyncio.sleep(0.5)
    log = stack.log("deadly")
    deadly = processes.start("deadly", [sys.executable, "-c", DEADLY2], log=log, ready=lambda: b"worker-ready" in log.read_bytes(), env=stack.environment("scrutin_worker"), cwd=PROJECT)
    await person.get("/fr/profil/identite")
    t = time.monotonic()
    posting = asyncio.create_task(person.submit("profil/identite", kind1="driving-licence", files={"file1": ("permis.jpg", specimen_card(), "image/jpeg")}))
    while deadly.running:
        await asyncio.sleep(0.02)
    print("died after", time.monotonic() - t, deadly.ending)
    stack.start_worker()
    await desk.get("/fr/examen")
    await desk.submit("/examen")
    await desk.submit("/decision")
    print("decided", round(time.monotonic() - t,1), "Votre décision est enregistrée" in desk.page.text)
    r = await posting
    print("answered", r.status_code, time.monotonic() - t)
    client = await connect(stack.temporal.address, "default")
    handle = client.get_workflow_handle(workflow_id(campaign.code, member.id))
    for i in range(15):
        await asyncio.sleep(2)
        p = await handle.query("progress")
        await person.get("/fr/accueil")
        print(round(time.monotonic() - t), p["identity"], p["erasing"], p["step"], "supprimée le" in person.page.text, len(await stack.files.stored()))
        if i == 8:
            await person.get("/fr/votes/inscription")
            await person.submit("/votes/inscription", password=PASSWORD)
            print("register", person.response.status_code, person.page.text[150:400])
    h = await handle.fetch_history()
    from temporalio.api.enums.v1 import EventType
    for e in h.events: print(e.event_id, e.event_time.ToDatetime().strftime("%S.%f"), EventType.Name(e.event_type)[11:])
