"""« Télécharger une photo ID »: pictures in, rebuilt, sealed, stored, and shown back to their owner only."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.ask import ask
from api.forms import SubmissionForm
from api.guards import Lang, MemberDep, campaign_of, same_form
from api.member_view import View, view_of
from api.pages import go, render
from api.portal import Portal, portal_of
from api.routes import UPLOAD_LIMIT, page
from portal.pictures import Picture, PictureNotMarked, marked, rebuild
from portal.rules.accounts import UPLOAD_LIMIT as UPLOADS_A_DAY
from portal.rules.identity import ACCEPTED, KINDS, SubmissionStatus, complete_set
from portal.rules.onboarding import IdentityState
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, accounts, appeals, identity, journal
from portal.store.files import FileGone
from portal.store.identity import Document, Submission
from portal.store.sealing import KeyDestroyed, SealBroken, seal, unseal
from portal.store.sessions import Visitor
from workflows.messages import SubmitDocuments, WithdrawDocuments
from workflows.onboarding import OnboardingWorkflow

router = APIRouter()

FIELDS = frozenset({"form_token", "key", "kind1", "kind2", "file1", "file2"})

SEEN_BY_OWNER = frozenset({SubmissionStatus.STAGED.value, SubmissionStatus.SUBMITTED.value})

# Served pictures: never cached, never sniffed, never inside another page.
PICTURE_HEADERS = {
    "Content-Disposition": 'inline; filename="document.jpg"',
    "Cache-Control": "no-store, private",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Upload:
    """One picture as it came, and what its sender says it is. The file's own name is not read."""

    # "1" or "2": the field it came in.
    number: str
    kind: str
    content: bytes


@page(router, "identity")
async def identity_page(request: Request, language: Lang, visitor: MemberDep) -> Response:
    return await _form(request, visitor, language, None)


@page(router, "appeal")
async def appeal_page(request: Request, language: Lang, visitor: MemberDep) -> Response:
    """« Contester la décision »: the same upload, for somebody else to look at."""
    return await _form(request, visitor, language, None, appeal=True)


async def _form(
    request: Request,
    visitor: Visitor,
    language: str,
    refusal: Refusal | None,
    *,
    field: str | None = None,
    uploads: Sequence[Upload] = (),
    appeal: bool = False,
) -> Response:
    portal = portal_of(request)
    assert visitor.member_id is not None, "the guard lets members in only"
    async with portal.autocommit() as session:
        view = await view_of(session, portal, visitor, language)
        contested = await contestable_by(session, view) if appeal else None
    if appeal and isinstance(contested, Refusal):
        raise Refused(contested)
    return render(
        request, "identity/send.html", visitor=visitor, refusal=refusal, field=field, view=view, accepted=ACCEPTED,
        kinds={"1": "", "2": ""} | {u.number: u.kind for u in uploads}, IdentityState=IdentityState, appeal=appeal,
    )  # fmt: skip


async def contestable_by(session: Session, view: View) -> appeals.Contestable | Refusal:
    return await appeals.contestable(session, view.campaign, view.member.id, view.at)


@page(router, "identity", methods=("POST",), limit=UPLOAD_LIMIT)
async def upload(request: Request, language: Lang, visitor: MemberDep) -> Response:
    return await _take(request, language, visitor)


@page(router, "appeal", methods=("POST",), limit=UPLOAD_LIMIT)
async def appeal(request: Request, language: Lang, visitor: MemberDep) -> Response:
    return await _take(request, language, visitor, appeal=True)


async def _take(request: Request, language: str, visitor: Visitor, *, appeal: bool = False) -> Response:
    """Check, rebuild, seal, store, show. A picture that will not do is said so before anything is kept."""
    portal = portal_of(request)
    assert visitor.member_id is not None, "the guard lets members in only"
    try:
        async with request.form(max_files=2, max_fields=8, max_part_size=1024) as form:
            if set(form) - FIELDS:
                raise Refused(Refusal.NOT_ALLOWED)
            same_form(visitor, _text(form, "form_token"))
            uploads = [u for u in [await _one(form, "1"), await _one(form, "2")] if u is not None]
    except HTTPException as error:
        # Cut off at the limit while it arrives: of all that this page is sent, only pictures are that heavy.
        if error.status_code != 413:
            raise
        raise Refused(Refusal.PICTURE_TOO_HEAVY) from None
    pictures: list[Picture] = []
    try:
        appeal_of = await _may_send(portal, visitor, uploads, appeal=appeal)
        for one in uploads:
            pictures.append(await rebuild(one.content))
    except Refused as refused:
        at_hand = uploads[len(pictures) :] or uploads
        return await _form(
            request, visitor, language, refused.refusal, field=_field(refused.refusal, at_hand), uploads=uploads,
            appeal=appeal,
        )  # fmt: skip

    submission_id = uuid4()
    today = datetime.now(UTC).date()
    documents, sealed = [], []
    for position, (one, picture) in enumerate(zip(uploads, pictures, strict=True)):
        document_id = uuid4()
        closed = await asyncio.to_thread(seal, portal.keys, document_id, picture.jpeg, today)
        sealed.append(closed.ciphertext)
        documents.append(
            Document(
                id=document_id,
                submission_id=submission_id,
                position=position,
                kind=one.kind,
                width=picture.width,
                height=picture.height,
                epoch=closed.epoch,
                wrapped_key=closed.wrapped_key,
            )
        )
    await portal.files.check_policy()
    async with portal.sessions.begin() as session:
        # Written down before it is stored: whatever happens next, the sweep can find it.
        await identity.stage(
            session,
            Submission(
                id=submission_id, campaign_id=campaign_of(visitor).id, member_id=visitor.member_id, appeal_of=appeal_of
            ),
            documents,
        )
    for document, ciphertext in zip(documents, sealed, strict=True):
        await portal.files.put(document.object_key, ciphertext)
    return go("check-documents", language, submission_id=submission_id)


@page(router, "check-documents")
async def check_documents(request: Request, language: Lang, visitor: MemberDep, submission_id: UUID) -> Response:
    """The pictures as a reviewer will see them, before they are sent."""
    async with portal_of(request).autocommit() as session:
        submission = await identity.by_id(session, submission_id)
        if submission is None or submission.member_id != visitor.member_id:
            raise Refused(Refusal.DOCUMENTS_GONE)
        if submission.status != SubmissionStatus.STAGED.value:
            # Sent from another tab, or deleted because it was not: the profile says how things stand.
            return go("profile", language)
        documents = await identity.documents_of(session, submission_id)
    return render(
        request, "identity/check.html", visitor=visitor, submission=submission, documents=documents,
        names={kind.code: kind.name(language) for kind in ACCEPTED},
    )  # fmt: skip


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


async def _one(form: FormData, number: str) -> Upload | None:
    file = form.get(f"file{number}")
    kind = _text(form, f"kind{number}")
    content = await file.read() if isinstance(file, UploadFile) else b""
    return Upload(number, kind, content) if content or kind else None


def _field(refusal: Refusal, at_hand: Sequence[Upload]) -> str | None:
    """Where on the form to look; `at_hand` begins with the picture that would not do."""
    if refusal is Refusal.PICTURE_MISSING:
        return f"file{next((u.number for u in at_hand if not u.content), '1')}"
    if refusal is Refusal.DOCUMENT_KIND_MISSING:
        return f"kind{next((u.number for u in at_hand if u.kind not in KINDS), '1')}"
    if refusal is Refusal.SECOND_DOCUMENT_MISSING:
        return "kind2"
    return f"file{at_hand[0].number}" if refusal.value.startswith("picture-") and at_hand else None


async def _may_send(portal: Portal, visitor: Visitor, uploads: Sequence[Upload], *, appeal: bool) -> UUID | None:
    """Everything that can be known before a picture is opened; the submission it contests, if it does."""
    if not any(u.content for u in uploads):
        raise Refused(Refusal.PICTURE_MISSING)
    incomplete = complete_set([u.kind for u in uploads])
    if incomplete is not None:
        raise Refused(incomplete)
    if any(not u.content for u in uploads):
        raise Refused(Refusal.PICTURE_MISSING)
    assert visitor.member_id is not None, "the guard lets members in only"
    async with portal.autocommit() as session:
        view = await view_of(session, portal, visitor, "fr")
        if not view.standing.email_verified:
            raise Refused(Refusal.EMAIL_NOT_VERIFIED)
        if view.standing.identity is IdentityState.APPROVED:
            raise Refused(Refusal.IDENTITY_ALREADY_APPROVED)
        # Nobody's papers are taken when they can serve no vote.
        if not view.standing.own and view.provisional_until is None:
            raise Refused(Refusal.LEFT_THE_ROLL if view.member.left_at else Refusal.MEMBERS_ONLY)
        if view.at >= view.documents_until:
            raise Refused(Refusal.REGISTRATION_CLOSED)
        contested = await contestable_by(session, view) if appeal else None
        if isinstance(contested, Refusal):
            raise Refused(contested)
        if contested is None and view.standing.identity is IdentityState.REFUSED:
            raise Refused(Refusal.IDENTITY_REFUSED)
    async with portal.sessions.begin() as session:
        if not await accounts.attempt(session, portal.counter("upload", str(visitor.member_id)), UPLOADS_A_DAY):
            raise Refused(Refusal.TOO_MANY_UPLOADS)
    return None if contested is None else contested.submission.id


@page(router, "send-documents", methods=("POST",))
async def send_documents(request: Request, language: Lang, visitor: MemberDep, form: SubmissionForm) -> Response:
    """« Envoyer », once the pictures were looked at; also asks again for an answer that did not come."""
    same_form(visitor, form.form_token)
    return await _submit(request, portal_of(request), visitor, language, _id(form.submission_id))


async def _submit(request: Request, portal: Portal, visitor: Visitor, language: str, submission_id: UUID) -> Response:
    await ask(
        portal, visitor, OnboardingWorkflow.submit_documents, SubmitDocuments(submission_id),
        key=f"submit-{submission_id}", page="send-documents", fields={"submission_id": str(submission_id)},
    )  # fmt: skip
    return go("profile", language, notice="documents-recus")


@page(router, "withdraw", methods=("POST",))
async def withdraw(request: Request, language: Lang, visitor: MemberDep, form: SubmissionForm) -> Response:
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    submission_id = _id(form.submission_id)
    await ask(
        portal, visitor, OnboardingWorkflow.withdraw_documents, WithdrawDocuments(submission_id),
        key=f"withdraw-{submission_id}", page="withdraw", fields={"submission_id": str(submission_id)},
    )  # fmt: skip
    return go("profile", language, notice="documents-retires")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Refused(Refusal.DOCUMENTS_GONE) from None


@page(router, "picture")
async def picture(request: Request, visitor: MemberDep, document_id: UUID) -> Response:
    """The member's own picture, before it is sent and while it is under review."""
    portal = portal_of(request)
    if not asked_by_our_page(request):
        return Response(status_code=403)
    async with portal.sessions.begin() as session:
        document = await session.get(Document, document_id)
        submission = await identity.by_id(session, document.submission_id) if document else None
        theirs = submission is not None and submission.member_id == visitor.member_id
        if not theirs or submission is None or submission.status not in SEEN_BY_OWNER:
            return Response(status_code=404)
        await journal.write(
            session, "picture-seen", actor="member", actor_id=visitor.account_id, member_id=visitor.member_id,
            subject_id=document_id,
        )  # fmt: skip
    return await opened(portal, document)


def asked_by_our_page(request: Request) -> bool:
    """By an image of one of our own pages: not by another site, not by typing the address."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    destination = request.headers.get("sec-fetch-dest", "image")
    return site == "same-origin" and destination == "image"


async def opened(portal: Portal, document: Document | None, *, mark: str = "") -> Response:
    """The picture in clear, in memory, on its way out, marked with who looks at it; 404 once it or its key is gone."""
    if document is None or document.wrapped_key is None:
        return Response(status_code=404)
    try:
        ciphertext = await portal.files.get(document.object_key)
        jpeg = await asyncio.to_thread(
            unseal, portal.keys, document.id, ciphertext=ciphertext, wrapped_key=document.wrapped_key,
            epoch=document.epoch,
        )  # fmt: skip
    except (FileGone, KeyDestroyed, SealBroken):
        return Response(status_code=404)
    if mark:
        # Never without: a picture that cannot be marked is not shown.
        try:
            jpeg = (await marked(jpeg, mark)).jpeg
        except PictureNotMarked:
            return Response(status_code=503, headers={"Retry-After": "30"})
    return Response(jpeg, media_type="image/jpeg", headers=PICTURE_HEADERS)
