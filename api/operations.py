"""The operators' page: members by step, the longest wait first, each with its workflow in the Temporal UI."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.guards import Lang, OperatorDep
from api.pages import render
from api.portal import portal_of
from api.routes import page
from api.temporal_links import temporal_link, temporal_list
from portal.rules.onboarding import Step
from portal.rules.refusals import Refusal, Refused
from portal.store import bounces, campaigns, doors, identity, mail, onboarding, review
from portal.text import mail_name
from workflows.messages import workflow_id

router = APIRouter()

# Mails that came back: enough to see whether it is one address or the whole server.
MOST_FAILED = 50


@page(router, "operations")
async def operations(request: Request, language: Lang, visitor: OperatorDep) -> Response:
    portal = portal_of(request)
    wanted = request.query_params.get("etape", "")
    step = Step(wanted) if wanted in set(Step) else Step.REVIEW
    async with portal.autocommit() as session:
        campaign = await campaigns.current(session)
        if campaign is None:
            raise Refused(Refusal.NO_CAMPAIGN)
        counts = await onboarding.by_step(session, campaign.id)
        people = await onboarding.at_step(session, campaign.id, step)
        waiting = await review.queue(session)
        requests = await doors.desk(session)
        counter = await identity.counter(session)
        mails = await mail.counts(session)
        failed = await bounces.failed(session, campaign.id, most=MOST_FAILED)
    came_back = [(mail_name(lost.kind, language), lost) for lost in failed]
    rows = [(file, member, temporal_link(portal, workflow_id(campaign.code, member.id))) for file, member in people]
    return render(
        request, "operations/steps.html", visitor=visitor, campaign=campaign, counts=counts, step=step,
        steps=list(Step), rows=rows, queue=waiting, requests=requests, counter=counter, mails=mails,
        came_back=came_back, temporal=temporal_list(portal),
    )  # fmt: skip
