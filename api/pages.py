"""How a page is made: template, language, notice, the person at the top right, and the way back."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.portal import portal_of
from portal.rules.accounts import Role, SessionKind
from portal.rules.refusals import Refusal
from portal.store.sessions import Visitor
from portal.text import LANGUAGES, gettext, hint, say
from portal.text.addresses import PAGES, path
from portal.text.catalogues import N_

# Refusals that are not simply «your form needs something»: everything else is 422.
STATUS = {
    Refusal.WRONG_PAIR: 401,
    Refusal.SIGN_IN_NEEDED: 401,
    Refusal.WRONG_PASSWORD: 403,
    Refusal.NOT_ALLOWED: 403,
    # Files that are not there yet.
    Refusal.NOT_SEALED: 404,
    Refusal.NO_RESULTS_YET: 404,
    Refusal.TOO_MANY_TRIES: 429,
    Refusal.SESSION_SUPERSEDED: 401,
    Refusal.STAFF_SUSPENDED: 403,
    Refusal.FACTOR_NEEDED: 403,
    Refusal.PASSKEY_REFUSED: 403,
    Refusal.FACTOR_CODE_WRONG: 403,
    Refusal.RECOVERY_CODE_WRONG: 403,
    Refusal.PASSKEY_KNOWN: 409,
    Refusal.TOO_MANY_PASSKEYS: 409,
    Refusal.LAST_FACTOR: 409,
    Refusal.OWN_ACCOUNT: 403,
    Refusal.LAST_OFFICER: 409,
    Refusal.RESET_NEEDS_ANOTHER: 409,
    Refusal.TOO_MANY_UPLOADS: 429,
    Refusal.MAIL_JUST_SENT: 429,
    Refusal.BUSY: 503,
    Refusal.PICTURE_TOO_HEAVY: 413,
    Refusal.BALLOT_NOT_YOURS: 403,
    Refusal.BALLOT_UNKNOWN: 404,
    Refusal.RECEIPTS_NOT_YET: 404,
    Refusal.RESULTS_NOT_YET: 404,
    Refusal.RESULT_FILE_WITHHELD: 403,
    Refusal.MEMBERS_ONLY: 403,
    Refusal.LEFT_THE_ROLL: 403,
    Refusal.REGISTRATION_CLOSED: 409,
    Refusal.REGISTRATION_NOT_OPEN: 409,
    Refusal.VOTES_ON_PAPER: 409,
    Refusal.VOTE_NOT_OPEN: 409,
    Refusal.VOTE_CLOSED: 409,
    Refusal.VOTE_NOT_READY: 409,
    Refusal.NOT_REGISTERED: 409,
    Refusal.BETTER_PHOTO_NEEDED: 409,
    Refusal.VOTE_COPIED: 409,
    Refusal.ALREADY_VOTED: 409,
    Refusal.QUESTION_REREAD: 409,
    Refusal.VOTE_NOT_TAKEN: 409,
    Refusal.VOTE_LOST: 401,
    Refusal.LIST_UNKNOWN: 404,
    Refusal.MEMBER_UNKNOWN: 404,
    Refusal.PAPER_STANDS: 409,
    Refusal.VOTED_ONLINE: 409,
    Refusal.CAMPAIGN_ENDED: 410,
    Refusal.CAMPAIGN_CANCELLED: 410,
    Refusal.CAMPAIGN_UNKNOWN: 404,
    Refusal.NO_LONGER_A_DRAFT: 409,
    Refusal.PROPOSAL_OVER: 409,
    Refusal.PROPOSAL_STALE: 409,
    Refusal.RESULTS_OWED: 409,
    Refusal.PROPOSAL_EXPIRED: 410,
    Refusal.SECOND_OFFICER_NEEDED: 403,
    Refusal.CANDIDATE_CONFLICT: 403,
    Refusal.REHEARSAL_NOT_OVER: 409,
    Refusal.NEWER_SUBMISSION: 409,
    Refusal.ALREADY_DECIDED: 409,
    Refusal.CLAIM_EXPIRED: 409,
    Refusal.CLAIM_TAKEN_BACK: 409,
    Refusal.CLAIM_GIVEN_BACK: 409,
    Refusal.CLAIM_NEEDED: 404,
    Refusal.PROLONGED_ALREADY: 409,
    Refusal.ROLL_SEEN_FIRST: 409,
    Refusal.TOO_MANY_CASES: 429,
    Refusal.NO_CASE: 409,
    Refusal.CASE_HELD: 409,
    Refusal.ONE_CASE_AT_A_TIME: 409,
    Refusal.OWN_FILE: 403,
    Refusal.DOCUMENTS_UNDER_REVIEW: 409,
    Refusal.IDENTITY_ALREADY_APPROVED: 409,
    Refusal.WITHDRAW_TOO_LATE: 409,
    Refusal.LINK_UNKNOWN: 404,
    Refusal.LINK_EXPIRED: 410,
    Refusal.LINK_SUPERSEDED: 410,
    Refusal.REQUEST_LAPSED: 410,
    Refusal.REQUEST_OVER: 409,
    Refusal.ADDRESS_ON_FILE: 409,
    Refusal.ADDRESS_TAKEN: 409,
    Refusal.ALREADY_MEMBER: 409,
    Refusal.ROLL_NUMBER_TAKEN: 409,
    Refusal.ROLL_FILE_TOO_HEAVY: 413,
    Refusal.ROLL_IMPORT_UNDER_WAY: 409,
    Refusal.NOTHING_TO_APPEAL: 404,
    Refusal.ROLL_IMPORT_OVER: 409,
    Refusal.ROLL_CHANGED_MEANWHILE: 409,
    Refusal.ROLL_SECOND_PERSON: 403,
    Refusal.ROLL_OWN_ENTRY: 403,
}

# Sessions of whoever is not in yet.
SIGNING_IN = frozenset({SessionKind.ACTIVATION, SessionKind.STAFF_PENDING})

# Addresses that only take a form, and the page that holds it: an answer to the form is read again there.
PAGE_OF_FORM = {
    "sign-out": "home",
    "stay": "home",
    "end-session": "file",
    "end-sessions": "file",
    "choose-language": "file",
    "send-verification": "profile",
    "type-code": "profile",
    "send-documents": "identity",
    "withdraw": "profile",
    "vote-review": "vote",
    "vote-cast": "vote",
    "review-decision": "review-case",
    "review-comparison": "review-case",
    "review-roll": "review-case",
    "review-prolong": "review-case",
    "review-return": "review",
    "review-undo": "review",
    "request-decision": "request-case",
    "return-case": "operations",
    "factor-challenge": "factor",
    "recover": "factor",
    "key-challenge": "keys",
    "remove-key": "keys",
    "offer-authenticator": "keys",
    "remove-authenticator": "keys",
    "leave-elsewhere": "keys",
    "staff-act": "colleague",
    "roll-confirm": "roll-import",
    "roll-abandon": "roll-import",
    "ballot-remove": "campaign",
    "rehearsal-members": "campaign",
    "rehearsal-drop": "campaigns",
    "member-act": "member-desk",
    "paper-back": "member-desk",
}

# Said once after a form was taken, on the page it leads to: the code travels in the address, never a sentence.
NOTICES = {
    "courriel-envoye": N_("Nous vous avons envoyé un courriel. Ouvrez-le et cliquez sur le lien, ou tapez ici le code à six chiffres."),
    "courriel-verifie": N_("Merci : votre courriel est vérifié."),
    "documents-recus": N_("Merci : nous avons bien reçu votre pièce d'identité."),
    "documents-retires": N_("Vos photos ont été retirées ; nous les supprimons."),
    "inscription": N_("C'est fait : votre inscription est enregistrée."),
    "mot-de-passe": N_("Votre nouveau mot de passe est enregistré. Entrez avec lui."),
    "decision": N_("Votre décision est enregistrée."),
    "liste-proposee": N_("C'est noté : une autre personne doit maintenant confirmer cet import."),
    "liste-abandonnee": N_("C'est fait : ce fichier est oublié et rien n'a changé."),
    "session-fermee": N_("C'est fait : cette session est fermée."),
    "sessions-fermees": N_("C'est fait : toutes vos autres sessions sont fermées."),
    "cle-ajoutee": N_("C'est fait : votre clé est enregistrée."),
    "codes-ajoutes": N_("C'est fait : votre application de codes est enregistrée."),
    "cle-retiree": N_("C'est fait : elle n'ouvre plus rien."),
    "invite": N_("C'est fait : un courriel d'invitation est parti."),
    "role-propose": N_(
        "C'est fait : le rôle de responsable du scrutin est proposé, une autre personne qui l'a doit le confirmer "
        "dans les 24 heures, sur la page de cette personne dans « Personnel »."
    ),
    "roles-donnes": N_("C'est fait : cette personne avait déjà un compte, elle a maintenant ces rôles."),
    "geste": N_("C'est fait, et c'est écrit au journal."),
    "langue": N_("C'est noté : nous vous écrirons dans cette langue."),
    "ebauche": N_("C'est enregistré."),
    "vote-retire": N_("Ce vote est retiré de l'ébauche."),
    "proposition": N_("Votre proposition est enregistrée : une autre personne responsable du scrutin doit la confirmer."),
    "confirmee": N_("C'est fait : la proposition est confirmée et appliquée."),
    "resultats-publies": N_("C'est fait : les deux dépouillements sont identiques, les résultats sont publiés."),
    "retiree": N_("La proposition est retirée."),
    "membres-fictifs": N_("Les membres fictifs sont créés."),
    "repetition-jetee": N_("La répétition est effacée."),
    "courriel-renvoye": N_("C'est fait : un courriel de vérification part à l'adresse du dossier."),
    "dossier-relance": N_("C'est fait : le dossier a été relu et ses rappels sont en place."),
    "papier": N_("C'est noté : cette personne vote par la poste, et le vote en ligne lui est fermé."),
    "rendu": N_("C'est fait : ce dossier est de nouveau dans la file d'examen."),
    "papier-repris": N_("C'est noté : cette personne vote de nouveau en ligne."),
    "file-vide": N_("Aucun dossier n'attend d'examen."),
    "dossier-rendu": N_("Le dossier est de retour dans la file : quelqu'un d'autre peut le prendre."),
    "recuse": N_("C'est noté : le dossier est de retour dans la file, et il ne vous sera plus remis."),
    "dossier-garde": N_("Le dossier vous reste réservé plus longtemps."),
    "decision-annulee": N_("Votre décision est annulée : le dossier est de nouveau devant vous."),
}  # fmt: skip


def language_of(request: Request) -> str:
    """The language of an address is its first part; elsewhere French."""
    first = request.url.path.split("/", 2)[1] if request.url.path.startswith("/") else ""
    return first if first in LANGUAGES else "fr"


def preferred_language(request: Request) -> str:
    """What the browser asks for, for the bare address only."""
    for part in request.headers.get("accept-language", "").split(","):
        code = part.split(";")[0].strip().lower()
        if code[:2] in LANGUAGES:
            return code[:2]
    return "fr"


def link_token(request: Request) -> str:
    """The token of a one-time link, under its name in either language; no longer than a token is."""
    return (request.query_params.get("jeton") or request.query_params.get("token") or "")[:64]


def other_page(request: Request, language: str) -> str:
    """The equivalent page in the other language, with the same question; its entrance if there is none."""
    other = "en" if language == "fr" else "fr"
    route = request.scope.get("route")
    name = getattr(route, "name", "").rpartition(".")[0]
    if name not in PAGES:
        return path("entrance", other)
    address = path(PAGE_OF_FORM.get(name, name), other, **request.path_params)
    return f"{address}?{request.url.query}" if request.url.query else address


def page_of_form(request: Request) -> str:
    """Where the form of this request stands."""
    name = getattr(request.scope.get("route"), "name", "").rpartition(".")[0]
    if name not in PAGES or name == "sign-out":
        return ""
    return path(PAGE_OF_FORM.get(name, name), language_of(request), **request.path_params)


def render(
    request: Request,
    template: str,
    *,
    visitor: Visitor | None = None,
    refusal: Refusal | None = None,
    field: str | None = None,
    also: Mapping[str, str] = MappingProxyType({}),
    status: int | None = None,
    **context: Any,
) -> Response:
    """One page. A refusal sets the status, the sentence in the summary, and «Erreur» in the title.

    `field` is the id of the field that the refusal is about, where it is said again; `also` holds the sentences of
    other fields.
    """
    portal = portal_of(request)
    language = language_of(request)
    # A page that says what went wrong is still a page of whoever is signed in.
    visitor = visitor or getattr(request.state, "visitor", None)
    if status is None:
        status = (422 if also else 200) if refusal is None else STATUS.get(refusal, 422)
    notice = NOTICES.get(request.query_params.get("fait", "")) if request.method == "GET" else None
    limits = {"password": portal.settings.password_min_length}
    # Where a crowd waits, nobody has done anything wrong.
    crowd = say(refusal, language) if refusal is Refusal.BUSY else None
    said = {} if refusal is None or crowd else {field or "": say(refusal, language, **limits)}
    said.update(also)
    html = portal.templates[language].get_template(template).render(
        request=request,
        path=lambda name, **parameters: path(name, language, **parameters),
        toggle=other_page(request, language),
        other_language="English" if language == "fr" else "Français",
        other_code="en" if language == "fr" else "fr",
        visitor=visitor,
        who=visitor.name if visitor is not None and visitor.kind not in SIGNING_IN else None,
        roles=visitor.roles if visitor is not None else frozenset(),
        Role=Role,
        is_member=visitor is not None and visitor.kind not in SIGNING_IN and visitor.member_id is not None,
        # Where whoever is signed in begins.
        first_page=own_page(visitor) if visitor is not None else None,
        form_token=visitor.form_token if visitor is not None else "",
        # What is left of the session when nothing more is asked: for the page that warns two minutes before.
        idle_seconds=int(visitor.left.total_seconds()) if visitor is not None else None,
        key=str(uuid4()),
        password_hint=hint("password", language, **limits),
        notice=None if notice is None else gettext(language)(notice),
        crowd=crowd,
        # What the summary at the top says, each sentence leading to its field.
        problems=[{"text": words, "href": f"#{name}"} if name else {"text": words} for name, words in said.items()],
        # What is said at a field, in the form its macro takes.
        problem=lambda name: {"text": said[name], "visuallyHiddenText": gettext(language)("Erreur")} if name in said else None,
        refusal=refusal,
        refusals=Refusal,
        **context,
    )  # fmt: skip
    headers = {"Content-Language": "fr-CA" if language == "fr" else "en-CA"}
    if status in (429, 503):
        headers["Retry-After"] = "30"
    return HTMLResponse(html, status_code=status, headers=headers)


def go(name: str, language: str, *, notice: str | None = None, **parameters: object) -> RedirectResponse:
    """After a form: to a page, so that reloading repeats nothing."""
    address = path(name, language, **parameters)
    return RedirectResponse(f"{address}?fait={notice}" if notice else address, status_code=303)


def own_page(visitor: Visitor | None) -> str:
    """Where whoever has just come in, or has lost the way, belongs."""
    if visitor is None:
        return "sign-in"
    if visitor.kind is SessionKind.ACTIVATION:
        return "first-password"
    if visitor.kind is SessionKind.STAFF_PENDING:
        return "keys" if visitor.may_enrol else "factor"
    if visitor.member_id is not None:
        return "home"
    if Role.REVIEWER in visitor.roles:
        return "review"
    if Role.OPERATOR in visitor.roles:
        return "operations"
    if Role.OFFICER in visitor.roles:
        return "campaigns"
    return "journal" if Role.AUDITOR in visitor.roles else "entrance"
