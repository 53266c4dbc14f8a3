"""« Votes des membres »: one card per vote, and registering for one or for all with one re-entered password."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.accounts import set_cookie
from api.ask import NotYet, ask, page_of
from api.forms import RegisterForm
from api.guards import Lang, LeftOpenDep, MemberDep, same_form
from api.member_view import View, seen, view_of, whole_of
from api.pages import go, render
from api.portal import portal_of
from api.routes import page
from api.step_up import stepped_up
from portal.rules.accounts import SessionKind
from portal.rules.ballots import ready_to_register, registration_open
from portal.rules.onboarding import DOCUMENTS_IN, IdentityState
from portal.rules.refusals import Refusal, Refused
from portal.rules.votes import VoteState
from portal.store import ballots
from portal.store import votes as cast_votes
from portal.store.ballots import Card
from portal.store.onboarding import Whole
from portal.store.sessions import Visitor
from workflows.messages import Register
from workflows.onboarding import OnboardingWorkflow

router = APIRouter()


async def _view(request: Request, visitor: Visitor, language: str) -> View:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        return await view_of(session, portal, visitor, language)


@page(router, "votes")
async def votes(request: Request, language: Lang, visitor: MemberDep) -> Response:
    """Every ballot: mine with its state, the others with the reason why not."""
    return await _votes(request, visitor, language, "ballots/votes.html")


@page(router, "votes-status")
async def votes_status(request: Request, language: Lang, visitor: LeftOpenDep) -> Response:
    """What a page left open asks: the cards anew once something of them changed, and how long the vote is open."""
    if visitor.kind is SessionKind.ACTIVATION:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    portal = portal_of(request)
    async with portal.autocommit() as session:
        tag, window = await seen(session, visitor)
    if request.headers.get("if-none-match") in (tag, "*"):
        response = Response(status_code=304)
    else:
        response = await _votes(request, visitor, language, "ballots/_cards.html")
    response.headers["ETag"] = tag
    # For the page of a question, which counts down.
    response.headers["Voting-Left"] = f"{window.left:.3f}"
    return response


async def _votes(request: Request, visitor: Visitor, language: str, template: str) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        tag, window = await seen(session, visitor)
        view = await view_of(session, portal, visitor, language)
        casts = await cast_votes.of_member(session, view.campaign.id, view.member.id)
    campaign = view.campaign
    return render(
        request, template, visitor=visitor, view=view, tag=tag, due=window.due, casts=casts,
        closed=registration_open(opens=campaign.registration_opens, closes=campaign.closes, at=view.at),
        voting=campaign.opens <= view.at < campaign.closes and campaign.sealed_at is None,
        urn=campaign.election_key is not None,
        IdentityState=IdentityState, VoteState=VoteState,
    )  # fmt: skip


@page(router, "register-all")
async def register_all_page(request: Request, language: Lang, visitor: MemberDep) -> Response:
    return await _form(request, visitor, language, None, None)


@page(router, "register-all", methods=("POST",))
async def register_all(request: Request, language: Lang, visitor: MemberDep, form: RegisterForm) -> Response:
    """« M'inscrire à tous mes votes »."""
    return await _register(request, visitor, language, form, None)


@page(router, "register")
async def register_page(request: Request, language: Lang, visitor: MemberDep, code: str) -> Response:
    return await _form(request, visitor, language, None, code)


@page(router, "register", methods=("POST",))
async def register(request: Request, language: Lang, visitor: MemberDep, form: RegisterForm, code: str) -> Response:
    """« Enregistrer », under one vote."""
    return await _register(request, visitor, language, form, code)


def _chosen(cards: Sequence[Card], code: str | None) -> list[str]:
    """The ballots of this page, or Refused: unknown, somebody else's, or for members in good standing only."""
    if code is None:
        return [c.ballot.code for c in cards if c.refusal is None]
    card = next((c for c in cards if c.ballot.code == code), None)
    if card is None:
        raise Refused(Refusal.BALLOT_UNKNOWN)
    if card.refusal is not None:
        raise Refused(card.refusal)
    return [code]


def _not_now(whole: Whole, cards: Sequence[Card], chosen: list[str]) -> Refusal | None:
    """By the records, so that asking in vain costs no event; the statement that writes decides.

    Whoever has registered and asks again for the answer that did not come gets it, after the close as well.
    """
    if all(card.registered_at for card in cards if card.ballot.code in chosen):
        return None
    campaign, standing = whole.campaign, whole.standing
    return registration_open(
        opens=campaign.registration_opens, closes=campaign.closes, at=whole.at
    ) or ready_to_register(
        email_verified=standing.email_verified,
        documents_in=standing.identity in DOCUMENTS_IN,
        chosen=chosen,
        own=standing.own,
        on_paper=whole.paper_at is not None,
    )


async def _form(
    request: Request, visitor: Visitor, language: str, refusal: Refusal | None, code: str | None,
) -> Response:  # fmt: skip
    view = await _view(request, visitor, language)
    chosen = _chosen(view.cards, code)
    cards = [c for c in view.cards if c.ballot.code in chosen and c.registered_at is None]
    if not cards and refusal is None:
        return go("votes", language)
    field = "password" if refusal is Refusal.WRONG_PASSWORD else None
    return render(
        request, "ballots/register.html", visitor=visitor, refusal=refusal, field=field, view=view, cards=cards,
        code=code,
    )  # fmt: skip


async def _register(
    request: Request, visitor: Visitor, language: str, form: RegisterForm, code: str | None
) -> Response:
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.autocommit() as session:
        whole = await whole_of(session, portal, visitor)
        cards = await ballots.cards(session, whole.campaign.id, whole.member)
    chosen = _chosen(cards, code)
    new_token = None
    # A form that asks again for an answer that did not come carries no password: it was typed a moment ago.
    if form.password or not visitor.stepped_up:
        proven = await stepped_up(portal, visitor, form.password)
        if isinstance(proven, Refusal):
            return await _form(request, visitor, language, proven, code)
        new_token = proven
    try:
        if (refusal := _not_now(whole, cards, chosen)) is not None:
            raise Refused(refusal)
        await ask(
            portal, visitor, OnboardingWorkflow.register, Register(chosen),
            key=f"register-{visitor.member_id}-{code or 'all'}-{form.key}",
            page="register-all" if code is None else "register",
            where={} if code is None else {"code": code}, fields={"key": form.key},
        )  # fmt: skip
    except NotYet as trouble:
        response = page_of(request, trouble)
    except Refused as refused:
        response = await _form(request, visitor, language, refused.refusal, code)
    else:
        response = go("votes", language, notice="inscription")
    if new_token is not None:
        set_cookie(response, new_token)
    return response
