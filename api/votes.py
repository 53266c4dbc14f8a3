"""« Votez »: the password once, one question on a page, read again, deposited, and a receipt.

A browser with scripts seals the vote itself and sends nothing else; without them the form holds the choice, and it is
sealed here, in memory, before anything is written. It stands in no address, no log, no session and no mail.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import escape

from api.accounts import set_cookie
from api.booth import Booth, booth_of, receipt_of, why_not
from api.forms import BoothFields, CastFields, CastForm, ReviewForm, UnlockForm
from api.guards import Lang, MemberDep, campaign_of, same_form
from api.pages import STATUS, go, render
from api.portal import portal_of
from api.routes import page
from api.step_up import stepped_up
from portal.rules.canonical import b64, unb64
from portal.rules.choices import BLANK, chosen_in, padded, value_of
from portal.rules.refusals import Refusal, Refused
from portal.rules.votes import CIPHERTEXT_SIZE, Definition, VoteState, encode
from portal.store import votes
from portal.store.sealing import seal_vote
from portal.store.sessions import Visitor
from portal.store.votes import Asked
from portal.text import gettext
from portal.text.catalogues import N_

router = APIRouter()

# base64url without padding, of the one length that a sealed vote has.
_PACKED = re.compile(rf"[A-Za-z0-9_-]{{{-(-CIPHERTEXT_SIZE * 4 // 3)}}}")

# In the address of the receipt: it was there before.
AGAIN = "deja-vote"


@page(router, "vote")
async def vote(request: Request, language: Lang, visitor: MemberDep, code: str) -> Response:
    """The question, once the password was typed a few minutes ago; one entry of it serves for every question."""
    booth = await booth_of(portal_of(request), visitor, code)
    if (elsewhere := _elsewhere(request, visitor, language, booth)) is not None:
        return elsewhere
    if not visitor.stepped_up:
        return _ask_password(request, visitor, booth)
    return _question(request, visitor, booth)


@page(router, "vote", methods=("POST",))
async def unlock(request: Request, language: Lang, visitor: MemberDep, form: UnlockForm, code: str) -> Response:
    """The password once more; then the question."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    proven = await stepped_up(portal, visitor, form.password)
    if isinstance(proven, Refusal):
        booth = await booth_of(portal, visitor, code)
        return _ask_password(request, visitor, booth, refusal=proven)
    response = go("vote", language, code=code)
    set_cookie(response, proven)
    return response


@page(router, "vote-review", methods=("POST",))
async def review(request: Request, language: Lang, visitor: MemberDep, form: ReviewForm, code: str) -> Response:
    """Without scripts: what was chosen, to be read again. Nothing is kept of it but the page."""
    same_form(visitor, form.form_token)
    booth = await booth_of(portal_of(request), visitor, code)
    if (elsewhere := _elsewhere(request, visitor, language, booth)) is not None:
        return elsewhere
    if form.definition != booth.definition.sha256:
        return _question(request, visitor, booth, Refusal.QUESTION_REREAD)
    if form.edit:
        return _question(request, visitor, booth, checked=form.choice)
    chosen = _chosen(booth.definition, form)
    if isinstance(chosen, Refusal):
        return _question(request, visitor, booth, chosen, checked=form.choice)
    options = [option for option in booth.definition.options if option.id in chosen]
    return render(
        request, "votes/review.html", visitor=visitor, booth=booth, options=options,
        values=padded([value_of(option) for option in chosen] or [BLANK], most=booth.definition.most),
        filler=_filler(booth.definition, chosen, language),
    )  # fmt: skip


@page(router, "vote-cast", methods=("POST",))
async def cast(request: Request, language: Lang, visitor: MemberDep, form: CastForm, code: str) -> Response:
    """« Déposer mon vote »: into the box, or a page that says why not and that nothing was cast."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    assert visitor.member_id is not None, "the guard lets members in only"
    campaign = campaign_of(visitor)
    # Of a vote that can be taken, no more is read than this: the statement that takes it asks everything else itself.
    async with portal.autocommit() as session:
        asked = await votes.asked(session, campaign, code)
    if asked is None:
        raise Refused(Refusal.BALLOT_UNKNOWN)
    sealed = _sealed(asked, form)
    if isinstance(sealed, Refusal):
        booth = await booth_of(portal, visitor, code)
        return _elsewhere(request, visitor, language, booth) or _question(request, visitor, booth, sealed)
    new_token = None
    if form.password or not visitor.stepped_up:
        proven = await stepped_up(portal, visitor, form.password) if form.password else None
        if proven is None or isinstance(proven, Refusal):
            booth = await booth_of(portal, visitor, code)
            # From here on the page carries the sealed vote and nothing of the choice.
            return _elsewhere(request, visitor, language, booth) or _ask_password(
                request, visitor, booth, refusal=proven, sealed=sealed
            )
        new_token = proven
    async with portal.sessions.begin() as session:
        taken = await votes.cast(
            session, campaign_id=campaign.id, ballot_id=asked.ballot_id, member_id=visitor.member_id,
            ciphertext=sealed,
        )  # fmt: skip
    if taken is not None:
        response: Response = go("vote-done", language, code=code)
    else:
        booth = await booth_of(portal, visitor, code)
        async with portal.autocommit() as session:
            booth = replace(booth, why_not=await why_not(session, booth.whole, booth.card, sealed))
        elsewhere = _elsewhere(request, visitor, language, booth)
        response = elsewhere or _not_now(request, visitor, booth, Refusal.VOTE_NOT_TAKEN)
    if new_token is not None:
        set_cookie(response, new_token)
    return response


@page(router, "vote-done")
async def done(request: Request, language: Lang, visitor: MemberDep, code: str) -> Response:
    """The receipt, and the way to the next question. Never what was chosen: nobody here knows."""
    booth = await receipt_of(portal_of(request), visitor, code)
    if booth.cast is None:
        return go("vote", language, code=code)
    again = request.query_params.get("fait") == AGAIN
    return render(
        request, "votes/done.html", visitor=visitor, booth=booth, cast=booth.cast, again=again, VoteState=VoteState
    )


def _elsewhere(request: Request, visitor: Visitor, language: str, booth: Booth) -> Response | None:
    """Where whoever cannot vote here is led: to their receipt, to the registration, or to the reason."""
    refusal = booth.why_not
    # What is in the way was read last: another form of theirs may have been taken since their votes were.
    if booth.cast is not None or refusal is Refusal.ALREADY_VOTED:
        return go("vote-done", language, notice=AGAIN, code=booth.ballot.code)
    if refusal is Refusal.NOT_REGISTERED and request.method in ("GET", "HEAD"):
        return go("register", language, code=booth.ballot.code)
    return None if refusal is None else _not_now(request, visitor, booth, refusal)


def _not_now(request: Request, visitor: Visitor, booth: Booth, refusal: Refusal) -> Response:
    # Looking is no mistake; a form that comes to nothing is refused.
    looking = request.method in ("GET", "HEAD")
    return render(
        request, "votes/not_now.html", visitor=visitor, booth=booth, why=refusal, refusal=None if looking else refusal,
        status=200 if looking else STATUS.get(refusal, 409),
    )  # fmt: skip


def _ask_password(
    request: Request, visitor: Visitor, booth: Booth, *, refusal: Refusal | None = None, sealed: bytes | None = None
) -> Response:
    field = "password" if refusal is Refusal.WRONG_PASSWORD else None
    return render(
        request, "votes/unlock.html", visitor=visitor, booth=booth, refusal=refusal, field=field,
        sealed=None if sealed is None else b64(sealed),
    )  # fmt: skip


def _question(
    request: Request, visitor: Visitor, booth: Booth, refusal: Refusal | None = None, *, checked: Sequence[str] = ()
) -> Response:
    field = "choice" if refusal is not None and refusal is not Refusal.QUESTION_REREAD else None
    return render(
        request, "votes/vote.html", visitor=visitor, booth=booth, refusal=refusal, field=field, checked=checked,
        blank=BLANK, value_of=value_of,
    )  # fmt: skip


def _filler(definition: Definition, chosen: Sequence[int], language: str) -> str:
    """What makes the page that is read again as long as it would be for any other choice (T91)."""

    def size(label: str) -> int:
        return len(f"<li>{escape(label)}</li>".encode())

    labels = {option.id: option.label(language) for option in definition.options}
    blank = size(gettext(language)(N_("Vote blanc")))
    longest = sum(sorted(map(size, labels.values()))[-definition.most :])
    return "." * (max(longest, blank) - (sum(size(labels[option]) for option in chosen) or blank))


def _chosen(definition: Definition, form: BoothFields) -> tuple[int, ...] | Refusal:
    options = [option.id for option in definition.options]
    return chosen_in(form.choice, options=options, most=definition.most)


def _sealed(asked: Asked, form: CastFields) -> bytes | Refusal:
    """The sealed vote of a form: as the browser sealed it, or sealed at once from what it says is chosen."""
    if form.definition != asked.definition.sha256:
        return Refusal.QUESTION_REREAD
    if form.sealed:
        # A form of ours holds the one or the other.
        return Refusal.VOTE_UNREADABLE if form.choice else _unpacked(form.sealed)
    chosen = _chosen(asked.definition, form)
    if isinstance(chosen, Refusal):
        return chosen
    if asked.election_key is None:
        return Refusal.VOTE_NOT_TAKEN
    return seal_vote(asked.election_key, encode(chosen), asked.definition.info)


def _unpacked(text: str) -> bytes | Refusal:
    """A sealed vote as a form carries it. Whether it says anything is seen at the count, by nobody here."""
    sealed = unb64(text) if _PACKED.fullmatch(text) else None
    # So begin the encapsulated keys of P-256.
    return sealed if sealed is not None and sealed[0] == 4 else Refusal.VOTE_UNREADABLE
