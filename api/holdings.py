"""« Mon dossier »: what we hold about a member and until when, who has looked at it, and where they are signed in."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.downloads import attached
from api.export import everything
from api.forms import LanguageForm, SentForm, SessionForm
from api.guards import Lang, MemberDep, same_form
from api.pages import go, render
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import LIFETIMES
from portal.rules.browsers import names
from portal.rules.doors import FORGOTTEN_AFTER
from portal.rules.identity import KINDS, UNDECIDED_FOR, SubmissionStatus
from portal.rules.members import Language
from portal.rules.votes import VoteState
from portal.store import Session, holdings, journal, members, sessions
from portal.store.sessions import Visitor
from portal.text import outcome, reason, said

router = APIRouter()

# Lines of the trail on one page.
LINES = 100
# What a member can page through; the whole trail is in the download.
MOST_PAGES = 500


@page(router, "file")
async def file(request: Request, language: Lang, visitor: MemberDep) -> Response:
    """Everything held, every submission, the trail, the sessions: each read once, by an index."""
    portal = portal_of(request)
    number = _page_number(request)
    async with portal.autocommit() as session:
        member, account = await holdings.person(session, visitor.account_id)
        submissions = await holdings.submissions(session, member.id)
        registrations = await holdings.registrations(session, member.id)
        participation = await holdings.participation(session, member.id)
        requests = await holdings.requests(session, visitor.account_id)
        mails = await holdings.mails(session, visitor.account_id, requests=[asked.id for asked in requests])
        # One more than is shown tells whether there is an older page.
        entries = await journal.of_member(session, member.id, most=LINES + 1, skipped=(number - 1) * LINES)
        signed_in = await sessions.of_account(session, visitor.account_id, visitor.token_hash)
    valid_until = None
    if member.identity_verified_at is not None:
        valid_until = member.identity_verified_at + portal.identity_valid_for
    return render(
        request, "holdings/file.html", visitor=visitor, member=member, account=account, submissions=submissions,
        registrations=registrations, participation=participation, VoteState=VoteState,
        requests=requests, forgotten_days=FORGOTTEN_AFTER.days,
        mails=mails, valid_until=valid_until, kinds=KINDS, outcome=outcome,
        reason=reason, SubmissionStatus=SubmissionStatus, undecided_days=UNDECIDED_FOR.days,
        trail=[(entry.at, said(entry.actor, entry.action, entry.code, language)) for entry in entries[:LINES]],
        number=number, older=len(entries) > LINES,
        sessions=signed_in, browser=names, idle_minutes=int(LIFETIMES[visitor.kind].idle.total_seconds() // 60),
        most_hours=int(LIFETIMES[visitor.kind].absolute.total_seconds() // 3600),
    )  # fmt: skip


def _page_number(request: Request) -> int:
    asked = request.query_params.get("page", "")
    return max(1, min(int(asked), MOST_PAGES)) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1


@page(router, "file-data")
async def file_data(request: Request, language: Lang, visitor: MemberDep) -> Response:
    """The same as one file. No password is asked for: it holds what these pages show, and no secret.

    Like an opened picture it leaves a line in the member's own trail, and changes nothing else.
    """
    portal = portal_of(request)
    assert visitor.member_id is not None, "the guard lets members in only"
    async with portal.autocommit() as session:
        if request.method == "GET":
            await journal.write(
                session, "data-downloaded", actor="member", actor_id=visitor.account_id, member_id=visitor.member_id
            )
        content = await everything(session, portal, visitor, language)
    return attached(content, "scrutin-dossier.json")


# --- sessions ----------------------------------------------------------------------------------------------------


@page(router, "end-session", methods=("POST",))
async def end_session(request: Request, language: Lang, visitor: MemberDep, form: SessionForm) -> Response:
    """« Fermer cette session ». One that is over, or somebody else's, gets the same answer."""
    same_form(visitor, form.form_token)
    try:
        sign_in_id = UUID(form.session_id)
    except ValueError:
        return go("file", language)
    async with portal_of(request).sessions.begin() as session:
        if await sessions.end_other(session, visitor.account_id, sign_in_id, but=visitor.token_hash):
            await _note(session, visitor, "session-closed")
    return go("file", language, notice="session-fermee")


@page(router, "end-sessions", methods=("POST",))
async def end_sessions(request: Request, language: Lang, visitor: MemberDep, form: SentForm) -> Response:
    """« Me déconnecter partout ailleurs »."""
    same_form(visitor, form.form_token)
    async with portal_of(request).sessions.begin() as session:
        if await sessions.end_all(session, visitor.account_id, but=visitor.token_hash):
            await _note(session, visitor, "sessions-closed")
    return go("file", language, notice="sessions-fermees")


async def _note(session: Session, visitor: Visitor, action: str, code: str | None = None) -> None:
    await journal.write(
        session, action, actor="member", actor_id=visitor.account_id, member_id=visitor.member_id, code=code
    )


# --- the language we write in ------------------------------------------------------------------------------------


@page(router, "choose-language", methods=("POST",))
async def choose_language(request: Request, language: Lang, visitor: MemberDep, form: LanguageForm) -> Response:
    """The language of every mail from now on, those that wait included: it is read when a mail is sent."""
    same_form(visitor, form.form_token)
    assert visitor.member_id is not None, "the guard lets members in only"
    try:
        chosen = Language(form.language)
    except ValueError:
        # One of the two is always marked on the page: this is no form of ours.
        return go("file", language)
    async with portal_of(request).sessions.begin() as session:
        if await members.choose_language(session, visitor.member_id, chosen):
            await _note(session, visitor, "language-chosen", chosen.value)
    return go("file", language, notice="langue")
