"""The questions of a campaign: one person's while nobody has read them, two officers' from then on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_changes import propose, shown, signed
from api.campaign_forms import (
    KINDS,
    PLACES,
    BallotFields,
    BallotForm,
    read_ballot,
    read_candidates,
    read_words,
    typed_ballot,
)  # fmt: skip
from api.campaigns import asked, campaign_called, one_person_writes
from api.forms import SentForm
from api.guards import Lang, OrganiserDep, same_form
from api.pages import go
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.campaigns import CampaignStatus
from portal.rules.refusals import Refusal, Refused
from portal.rules.votes import MANDATED
from portal.store import drafts, journal, members
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor

router = APIRouter()


@page(router, "ballot-new")
async def new_ballot(request: Request, visitor: OrganiserDep, code: str) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        position = len(await drafts.questions(session, campaign.id)) + 1
    form = BallotFields(position=str(position), ec="yes", tr="yes", bdp="yes")
    return await _form(request, visitor, campaign, form, None, 0, {})


@page(router, "ballot-new", methods=("POST",))
async def create_ballot(
    request: Request, language: Lang, visitor: OrganiserDep, form: BallotForm, code: str
) -> Response:
    same_form(visitor, form.form_token)
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
    return await _save(request, language, visitor, campaign, form, None)


@page(router, "ballot-remove", methods=("POST",))
async def remove_ballot(
    request: Request, language: Lang, visitor: OrganiserDep, form: SentForm, code: str, ballot_id: UUID
) -> Response:
    same_form(visitor, form.form_token)
    async with portal_of(request).sessions.begin() as session:
        campaign = await campaign_called(session, code)
        known = any(ballot.id == ballot_id for ballot, _ in await drafts.questions(session, campaign.id))
        refused = await drafts.remove_ballot(session, ballot_id) if known else Refusal.BALLOT_UNKNOWN
        if refused is None:
            await journal.write(
                session, "ballot-removed", actor="staff", actor_id=visitor.account_id, campaign_id=campaign.id,
                subject_id=ballot_id,
            )  # fmt: skip
    if refused is not None:
        raise Refused(refused)
    return go("campaign", language, notice="vote-retire", code=code)


async def _save(
    request: Request, language: str, visitor: Visitor, campaign: Campaign, form: BallotFields, ballot: Ballot | None
) -> Response:
    """A question of a draft as a whole."""
    portal = portal_of(request)
    read = read_ballot(form)
    async with portal.sessions.begin() as session:
        ids = {
            number: member.id
            for number in {number.strip() for number in form.numbers if number.strip()}
            if (member := await members.by_number(session, number)) is not None
        }
        stand, wrong = read_candidates(form, ids)
        problems = {**read.problems, **wrong}
        ballot_id = uuid4() if ballot is None else ballot.id
        if not problems:
            given = {**read.values, "id": ballot_id, "campaign_id": campaign.id}
            refused = await drafts.write_ballot(session, given, stand)
            if refused is not None:
                problems = {"code" if refused is Refusal.BALLOT_CODE_TAKEN else "": refused}
            else:
                await journal.write(
                    session, "ballot-drafted", actor="staff", actor_id=visitor.account_id, campaign_id=campaign.id,
                    subject_id=ballot_id,
                )  # fmt: skip
    if problems:
        return await _form(request, visitor, campaign, form, ballot, 0, problems)
    return go("campaign", language, notice="ebauche", code=campaign.code)


async def _filled_in(request: Request, ballot: Ballot) -> BallotFields:
    """The form of a question as it stands."""
    async with portal_of(request).autocommit() as session:
        stand = next(s for b, s in await drafts.questions(session, ballot.campaign_id) if b.id == ballot.id)
        return typed_ballot(ballot, stand, await drafts.numbers_of(session, stand))


async def _form(
    request: Request, visitor: Visitor, campaign: Campaign, form: BallotFields, ballot: Ballot | None, registered: int,
    problems: Refusal | Mapping[str, Refusal],
) -> Response:  # fmt: skip
    at = datetime.now(UTC)
    draft = campaign.status == CampaignStatus.DRAFT.value
    empty = ("",) * PLACES
    places = list(
        zip(
            *((given + empty)[:PLACES] for given in (form.names, form.numbers, form.texts_fr, form.texts_en)),
            strict=True,
        )
    )
    return await shown(
        request, "campaigns/ballot.html", visitor, campaign, problems, form=form, ballot=ballot, kinds=KINDS,
        places=places, whole=draft, registered=registered, alone=one_person_writes(campaign), mandated=sorted(MANDATED),
        frozen=not draft and (campaign.cancelled or campaign.opens <= at),
    )  # fmt: skip


# --- words


async def _ballot(request: Request, code: str, ballot_id: UUID) -> tuple[Campaign, Ballot, int]:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        for question in await asked(session, campaign):
            if question.ballot.id == ballot_id:
                return campaign, question.ballot, question.registered
    raise Refused(Refusal.BALLOT_UNKNOWN)


@page(router, "ballot-edit")
async def edit_ballot(request: Request, visitor: OrganiserDep, code: str, ballot_id: UUID) -> Response:
    campaign, ballot, registered = await _ballot(request, code, ballot_id)
    return await _form(request, visitor, campaign, await _filled_in(request, ballot), ballot, registered, {})


@page(router, "ballot-edit", methods=("POST",))
async def change_ballot(
    request: Request, language: Lang, visitor: OrganiserDep, form: BallotForm, code: str, ballot_id: UUID
) -> Response:
    """One person's act in a draft; from then on a proposal of an officer, with a reason."""
    same_form(visitor, form.form_token)
    campaign, ballot, registered = await _ballot(request, code, ballot_id)
    if one_person_writes(campaign):
        return await _save(request, language, visitor, campaign, form, ballot)
    if Role.OFFICER not in visitor.roles:
        raise Refused(Refusal.NOT_ALLOWED)
    read = read_words(form)
    wanted = {name: str(words) for name, words in read.values.items() if words != getattr(ballot, name)}
    problems = dict(read.problems)
    if not problems and not wanted:
        problems[""] = Refusal.NOTHING_CHANGED
    if not form.reason.strip():
        problems["reason"] = Refusal.CHANGE_REASON_NEEDED
    if campaign.opens <= datetime.now(UTC):
        problems = {"": Refusal.ALREADY_HAPPENED}
    whole = (await _filled_in(request, ballot)).model_copy(
        update=form.model_dump(include={"title_fr", "title_en", "question_fr", "question_en", "reason"})
    )

    async def again(no: Refusal) -> Response:
        return await _form(request, visitor, campaign, whole, ballot, registered, no)

    if problems:
        return await _form(request, visitor, campaign, whole, ballot, registered, problems)
    wanted["ballot"] = str(ballot.id)
    return await signed(
        visitor, again,
        lambda: propose(request, language, visitor, campaign, ChangeKind.WORDS, wanted, form.reason),
    )  # fmt: skip
