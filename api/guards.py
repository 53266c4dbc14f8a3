"""Who may use a route: every route names exactly one of these."""

import secrets
from typing import Annotated

from fastapi import Depends, Request

from api.pages import language_of
from api.portal import portal_of
from portal.rules.accounts import Role, SessionKind
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal, Refused
from portal.store import sessions
from portal.store.campaigns import Current
from portal.store.sessions import Visitor

COOKIE = "__Host-session"


async def _visitor(request: Request, *, acts: bool = True) -> Visitor | None:
    """Whoever the cookie belongs to: one statement."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    async with portal_of(request).autocommit() as session:
        visitor = await sessions.visitor(session, hash_of(token), acts=acts)
        if visitor is None:
            return None
        request.state.visitor = visitor
    return visitor


async def anyone(request: Request) -> Visitor | None:
    return await _visitor(request)


async def member(request: Request) -> Visitor:
    """A person on the roll, signed in with a password."""
    visitor = await _visitor(request)
    if visitor is None or visitor.kind in (SessionKind.ACTIVATION, SessionKind.STAFF_PENDING):
        raise Refused(Refusal.SIGN_IN_NEEDED)
    if visitor.member_id is None:
        raise Refused(Refusal.NOT_ALLOWED)
    return visitor


async def activating(request: Request) -> Visitor:
    """A session opened by a member number: it may only prove the address and choose a password."""
    visitor = await _visitor(request)
    if visitor is None or visitor.kind is not SessionKind.ACTIVATION:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    return visitor


async def member_or_activating(request: Request) -> Visitor:
    """Whoever proves an address: signed in with a password, or by the member number for just that."""
    return await _on_the_roll(request, acts=True)


async def left_open(request: Request) -> Visitor:
    """The same person's page, asking by itself: nobody may be sitting before it, so its idle time runs on."""
    return await _on_the_roll(request, acts=False)


async def _on_the_roll(request: Request, *, acts: bool) -> Visitor:
    visitor = await _visitor(request, acts=acts)
    if visitor is None or visitor.kind is SessionKind.STAFF_PENDING:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    if visitor.member_id is None:
        raise Refused(Refusal.NOT_ALLOWED)
    return visitor


async def _staff(request: Request, role: Role) -> Visitor:
    visitor = await _visitor(request)
    if visitor is None or visitor.kind is SessionKind.STAFF_PENDING:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    if visitor.kind is not SessionKind.STAFF or role not in visitor.roles:
        raise Refused(Refusal.NOT_ALLOWED)
    return visitor


async def reviewer(request: Request) -> Visitor:
    return await _staff(request, Role.REVIEWER)


async def organiser(request: Request) -> Visitor:
    """Whoever prepares a vote and keeps its roll: an operator, or an officer, who alone runs it."""
    return await _organiser(request, acts=True)


async def organiser_left_open(request: Request) -> Visitor:
    """The same person's page, asking by itself how far something has come."""
    return await _organiser(request, acts=False)


async def _organiser(request: Request, *, acts: bool) -> Visitor:
    visitor = await _visitor(request, acts=acts)
    if visitor is None:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    if visitor.kind is not SessionKind.STAFF or not visitor.roles & {Role.OPERATOR, Role.OFFICER}:
        raise Refused(Refusal.NOT_ALLOWED)
    return visitor


async def operator(request: Request) -> Visitor:
    return await _staff(request, Role.OPERATOR)


async def officer(request: Request) -> Visitor:
    return await _staff(request, Role.OFFICER)


async def auditor(request: Request) -> Visitor:
    return await _staff(request, Role.AUDITOR)


async def factor_asked(request: Request) -> Visitor:
    """Of the staff, by password: the second factor is still to come, or is asked for once more."""
    visitor = await _visitor(request)
    if visitor is None:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    if visitor.kind not in (SessionKind.STAFF_PENDING, SessionKind.STAFF):
        raise Refused(Refusal.NOT_ALLOWED)
    return visitor


async def keeps_keys(request: Request) -> Visitor:
    """Of the staff, about their own keys: signed in with one a few minutes ago, or let in to choose the first."""
    visitor = await factor_asked(request)
    if visitor.kind is SessionKind.STAFF_PENDING and not visitor.may_enrol:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    if visitor.kind is SessionKind.STAFF:
        require_factor(visitor)
    return visitor


def require_factor(visitor: Visitor) -> None:
    """Before a dangerous act: a key or a code within the last ten minutes (security-tests.md T69).

    Otherwise the page « Confirmez avec votre clé » asks for it, and leads back to the form with what it held.
    """
    if not visitor.factor_fresh:
        raise Refused(Refusal.FACTOR_NEEDED)


Anyone = Annotated[Visitor | None, Depends(anyone)]
MemberDep = Annotated[Visitor, Depends(member)]
ActivatingDep = Annotated[Visitor, Depends(activating)]
MemberOrActivatingDep = Annotated[Visitor, Depends(member_or_activating)]
LeftOpenDep = Annotated[Visitor, Depends(left_open)]
ReviewerDep = Annotated[Visitor, Depends(reviewer)]
OperatorDep = Annotated[Visitor, Depends(operator)]
OfficerDep = Annotated[Visitor, Depends(officer)]
AuditorDep = Annotated[Visitor, Depends(auditor)]
FactorAskedDep = Annotated[Visitor, Depends(factor_asked)]
KeepsKeysDep = Annotated[Visitor, Depends(keeps_keys)]
OrganiserLeftOpenDep = Annotated[Visitor, Depends(organiser_left_open)]
OrganiserDep = Annotated[Visitor, Depends(organiser)]
Lang = Annotated[str, Depends(language_of)]

# What the test about routes looks for.
GUARDS = frozenset(
    {
        anyone, member, activating, member_or_activating, left_open, reviewer, operator, officer, auditor, factor_asked,
        keeps_keys, organiser, organiser_left_open,
    }
)  # fmt: skip


def same_form(visitor: Visitor, form_token: str) -> None:
    """The form was made for this session."""
    if not secrets.compare_digest(visitor.form_token.encode(), form_token.encode()):
        raise Refused(Refusal.NOT_ALLOWED)


def campaign_of(visitor: Visitor) -> Current:
    """The campaign a member's page is about."""
    if visitor.campaign is None:
        raise Refused(Refusal.NO_CAMPAIGN)
    return visitor.campaign
