"""Signing in again in the middle of something: back to the same place, with what the form held.

Nothing is stored for it: what was filled in travels in the page that asks for the password, and is sent on with one
press of a button. Neither a password nor a picture is kept: from a form that asks for one it is back to its page.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from api.pages import PAGE_OF_FORM, go, language_of, own_page, render
from api.portal import portal_of
from portal.rules.accounts import SessionKind
from portal.rules.refusals import Refusal
from portal.store import factors
from portal.store.sessions import Visitor
from portal.text.addresses import path, place

# Never kept: what only its owner should type, and what belongs to the session that is over.
FORGOTTEN = frozenset({"password", "again", "form_token", "answer"})
MOST = 4000
# Nor what a reviewer read on a picture: it is stored nowhere, not even on the way through a sign-in.
NOTHING_TO_KEEP = frozenset(
    {
        "", "sign-out", "stay", "factor", "factor-challenge", "recover", "key-challenge", "authenticator",
        "staff-invitation", "review-comparison",
        # Nor what somebody chose in the booth.
        "vote", "vote-review", "vote-cast",
    }
)  # fmt: skip
# Whoever sent one of these is told that it was for nothing.
OF_THE_BOOTH = frozenset({"vote-review", "vote-cast"})


@dataclass(frozen=True, slots=True)
class Kept:
    """A form that was sent too late: which one, and what it held."""

    page: str
    where: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps([self.page, dict(self.where), dict(self.fields)], ensure_ascii=False)


def read_kept(text: str) -> Kept | None:
    """What the sign-in page carried; None for anything that is no form of ours."""
    try:
        page, where, fields = json.loads(text)
        kept = Kept(page, where, fields)
        path(kept.page, "fr", **kept.where)
        named = {**kept.where, **kept.fields}
        if all(isinstance(name, str) and isinstance(value, str) for name, value in named.items()):
            return kept
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    return None


def lost_by(request: Request) -> Refusal:
    """What is said to whoever sends a form after the session was over."""
    return Refusal.VOTE_LOST if _page_of(request) in OF_THE_BOOTH else Refusal.SIGN_IN_NEEDED


def _page_of(request: Request) -> str:
    name: str = getattr(request.scope.get("route"), "name", "")
    return name.rpartition(".")[0]


async def kept_form(request: Request) -> Kept | None:
    """The form of a request whose session is over."""
    name = _page_of(request)
    # Pictures are not kept, hence not read: nobody has megabytes taken in without signing in.
    if name in NOTHING_TO_KEEP or request.headers.get("content-type", "").startswith("multipart/"):
        return None
    form = await request.form(max_files=0, max_fields=40)
    if "password" in form:
        # Sent on without it, the form would only be told that the password is wrong.
        return None
    fields = {k: v for k, v in form.items() if isinstance(v, str) and k not in FORGOTTEN}
    kept = Kept(name, {k: str(v) for k, v in request.path_params.items()}, fields)
    return kept if len(str(kept)) <= MOST else None


def sign_in_page(
    request: Request, *, refusal: Refusal | None = None, kept: Kept | None = None, back_to: str = "", **more: Any
) -> Response:
    """The page that asks for address and password, and remembers what for."""
    given = {"email": "", "token": "", "campaign": None, **more}
    # The session is not an error of theirs: said at the top, without a field.
    return render(
        request, "accounts/sign_in.html", refusal=refusal, kept="" if kept is None else str(kept), back_to=back_to,
        **given,
    )  # fmt: skip


async def factor_page(
    request: Request,
    visitor: Visitor,
    *,
    refusal: Refusal | None = None,
    field: str | None = None,
    kept: Kept | None = None,
    back_to: str = "",
) -> Response:
    """Asks for a key or a code, and remembers what for. Nothing registered: what an officer handed over."""
    async with portal_of(request).autocommit() as session:
        held = await factors.held(session, visitor.account_id)
    return render(
        request, "staff/factor.html", visitor=visitor, refusal=refusal, field=field, held=held, back_to=back_to,
        kept="" if kept is None else str(kept), again=visitor.kind is SessionKind.STAFF,
    )  # fmt: skip


def own_page_or_sign_in(request: Request) -> RedirectResponse:
    """For a page that this visitor may not see: to their own, or to the sign-in page that leads back here."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    language = language_of(request)
    if visitor is not None and visitor.kind is SessionKind.STAFF_PENDING and not visitor.may_enrol:
        # The second factor, then the page they wanted.
        return to_factor(request)
    # Home is where everybody goes anyway.
    if visitor is not None or not asked_for(request.url.path) or place(request.url.path) == "home":
        return go(own_page(visitor), language)
    return RedirectResponse(f"{path('sign-in', language)}?{RETURN}={request.url.path}", status_code=303)


RETURN = "suite"


def to_factor(request: Request) -> RedirectResponse:
    """The page of the second factor, which leads back here."""
    address = path("factor", language_of(request))
    wanted = asked_for(request.url.path)
    return RedirectResponse(f"{address}?{RETURN}={wanted}" if wanted else address, status_code=303)


# Addresses of ours that are no page to come back to: a form's, a picture's, a download's.
NO_PAGE = frozenset(
    {
        *PAGE_OF_FORM,
        "status",
        "votes-status",
        "picture",
        "review-picture",
        "file-data",
        "calendar",
        "factor",
        "journal-data",
        "roll-model",
        "roll-progress",
        "roll-report",
    }
)


def asked_for(text: str) -> str:
    """The page somebody wanted before signing in, if it is one of ours; else nothing (security-tests.md T33)."""
    wanted = place(text)
    return text if wanted is not None and wanted not in NO_PAGE else ""


def resume(request: Request, visitor: Visitor | None, kept: Kept) -> Response:
    """Signed in again, or a key shown again: one button sends on what was filled in."""
    return render(
        request, "accounts/resume.html", visitor=visitor, action=path(kept.page, language_of(request), **kept.where),
        fields=kept.fields, own_page=own_page(visitor),
    )  # fmt: skip
