"""Where each page is, in both languages: one table for the pages themselves and for the links in mails."""

import re
from functools import cache
from urllib.parse import quote

# name: (French, English), below /fr and /en.
PAGES: dict[str, tuple[str, str]] = {
    "entrance": ("", ""),
    "sign-in": ("connexion", "sign-in"),
    "sign-out": ("deconnexion", "sign-out"),
    # The second factor of staff, and the keys of whoever is signed in.
    "factor": ("connexion/cle", "sign-in/key"),
    "factor-challenge": ("connexion/cle/defi", "sign-in/key/challenge"),
    "recover": ("connexion/cle/recuperation", "sign-in/key/recovery"),
    "keys": ("cles", "keys"),
    "key-challenge": ("cles/defi", "keys/challenge"),
    "remove-key": ("cles/retrait", "keys/removal"),
    "authenticator": ("cles/codes", "keys/codes"),
    "offer-authenticator": ("cles/codes/nouveau", "keys/codes/new"),
    "remove-authenticator": ("cles/codes/retrait", "keys/codes/removal"),
    "leave-elsewhere": ("cles/sessions", "keys/sessions"),
    "staff-invitation": ("personnel/invitation", "staff/invitation"),
    "signed-out": ("a-bientot", "goodbye"),
    "forgotten": ("mot-de-passe/renouveler", "password/renew"),
    "new-password": ("mot-de-passe/nouveau", "password/new"),
    "first-password": ("mot-de-passe/premier", "password/first"),
    "home": ("accueil", "home"),
    "profile": ("profil", "profile"),
    "status": ("profil/etat", "profile/status"),
    "send-verification": ("profil/courriel", "profile/email"),
    "type-code": ("profil/code", "profile/code"),
    "confirm-email": ("courriel/verifier", "email/verify"),
    "identity": ("profil/identite", "profile/identity"),
    "send-documents": ("profil/identite/envoi", "profile/identity/send"),
    "appeal": ("profil/identite/contester", "profile/identity/appeal"),
    "withdraw": ("profil/identite/retrait", "profile/identity/withdraw"),
    "check-documents": ("profil/identite/verifier/{submission_id}", "profile/identity/check/{submission_id}"),
    "picture": ("profil/identite/image/{document_id}", "profile/identity/picture/{document_id}"),
    "file": ("dossier", "file"),
    "file-data": ("dossier/donnees", "file/data"),
    "end-session": ("dossier/session", "file/session"),
    "end-sessions": ("dossier/sessions", "file/sessions"),
    "choose-language": ("dossier/langue", "file/language"),
    "calendar": ("dossier/calendrier.ics", "file/calendar.ics"),
    "messages": ("messages", "messages"),
    "message": ("messages/{mail_id}", "messages/{mail_id}"),
    "stay": ("rester", "stay"),
    "votes": ("votes", "votes"),
    "votes-status": ("votes/etat", "votes/status"),
    "vote": ("votes/{code}/bulletin", "votes/{code}/ballot"),
    "vote-review": ("votes/{code}/bulletin/relecture", "votes/{code}/ballot/review"),
    "vote-cast": ("votes/{code}/bulletin/depot", "votes/{code}/ballot/cast"),
    "vote-done": ("votes/{code}/recu", "votes/{code}/receipt"),
    "register": ("votes/{code}/inscription", "votes/{code}/registration"),
    "register-all": ("votes/inscription", "votes/registration"),
    "my-votes": ("votes/comptes", "votes/counted"),
    # For anybody who has the address.
    "receipts": ("recus/{campaign}/{code}", "receipts/{campaign}/{code}"),
    "receipts-file": ("recus/{campaign}/{code}/liste.txt", "receipts/{campaign}/{code}/list.txt"),
    "results": ("resultats/{campaign}", "results/{campaign}"),
    "results-file": ("resultats/{campaign}/resultat.json", "results/{campaign}/result.json"),
    "protects": ("ce-que-nous-protegeons", "what-we-protect"),
    "reminders": ("rappels", "reminders"),
    "register-email": ("enregistrer-mon-courriel", "register-my-email"),
    "join": ("devenir-membre", "become-a-member"),
    "request-sent": ("demande/envoyee", "request/sent"),
    "prove-request": ("demande/confirmer", "request/confirm"),
    "requests": ("demandes", "requests"),
    "requests-file": ("demandes.csv", "requests.csv"),
    "request-case": ("demandes/{request_id}", "requests/{request_id}"),
    "request-decision": ("demandes/{request_id}/decision", "requests/{request_id}/decision"),
    "roll": ("liste", "roll"),
    "roll-model": ("liste/modele.csv", "roll/model.csv"),
    "roll-import": ("liste/{import_id}", "roll/{import_id}"),
    "roll-progress": ("liste/{import_id}/progres", "roll/{import_id}/progress"),
    "roll-confirm": ("liste/{import_id}/confirmation", "roll/{import_id}/confirmation"),
    "roll-abandon": ("liste/{import_id}/abandon", "roll/{import_id}/abandon"),
    "roll-report": ("liste/{import_id}/rapport.csv", "roll/{import_id}/report.csv"),
    "guide": ("guide", "guide"),
    "counter": ("compteur", "counter"),
    "review": ("examen", "review"),
    "review-case": ("examen/{claim_id}", "review/{claim_id}"),
    "review-picture": ("examen/{claim_id}/image/{document_id}", "review/{claim_id}/picture/{document_id}"),
    "review-document": ("examen/{claim_id}/piece/{document_id}", "review/{claim_id}/document/{document_id}"),
    "review-comparison": ("examen/{claim_id}/comparaison", "review/{claim_id}/comparison"),
    "review-roll": ("examen/{claim_id}/fiche", "review/{claim_id}/roll"),
    "review-prolong": ("examen/{claim_id}/prolonger", "review/{claim_id}/prolong"),
    "review-return": ("examen/{claim_id}/rendre", "review/{claim_id}/return"),
    "review-decision": ("examen/{claim_id}/decision", "review/{claim_id}/decision"),
    "review-decided": ("examen/{claim_id}/fait", "review/{claim_id}/done"),
    "review-undo": ("examen/{claim_id}/annuler", "review/{claim_id}/undo"),
    "staff": ("personnel", "staff"),
    "colleague": ("personnel/{account_id}", "staff/{account_id}"),
    "staff-act": ("personnel/{account_id}/geste", "staff/{account_id}/act"),
    "journal": ("journal", "journal"),
    "journal-data": ("journal/donnees", "journal/data"),
    "operations": ("operations", "operations"),
    "temporal": ("operations/temporal", "operations/temporal"),
    "campaigns": ("campagnes", "campaigns"),
    "campaign-new": ("campagnes/nouvelle", "campaigns/new"),
    "campaign": ("campagne/{code}", "campaign/{code}"),
    "campaign-draft": ("campagne/{code}/ebauche", "campaign/{code}/draft"),
    "ballot-new": ("campagne/{code}/question", "campaign/{code}/question"),
    "ballot-edit": ("campagne/{code}/question/{ballot_id}", "campaign/{code}/question/{ballot_id}"),
    "ballot-remove": ("campagne/{code}/question/{ballot_id}/retrait", "campaign/{code}/question/{ballot_id}/remove"),
    "campaign-checks": ("campagne/{code}/obstacles", "campaign/{code}/obstacles"),
    "campaign-key": ("campagne/{code}/cle", "campaign/{code}/key"),
    "campaign-turnout": ("campagne/{code}/participation", "campaign/{code}/turnout"),
    "campaign-turnout-file": ("campagne/{code}/participation.csv", "campaign/{code}/turnout.csv"),
    "campaign-post": ("campagne/{code}/poste", "campaign/{code}/post"),
    "campaign-post-file": ("campagne/{code}/poste.csv", "campaign/{code}/post.csv"),
    "campaign-seal": ("campagne/{code}/urne", "campaign/{code}/box"),
    "campaign-urn": ("campagne/{code}/urne.json", "campaign/{code}/urn.json"),
    "campaign-receipts": ("campagne/{code}/recus.csv", "campaign/{code}/receipts.csv"),
    "campaign-result": ("campagne/{code}/resultats", "campaign/{code}/results"),
    "campaign-publication": ("campagne/{code}/publication.json", "campaign/{code}/publication.json"),
    "campaign-hold": ("campagne/{code}/contestation", "campaign/{code}/complaint"),
    "campaign-destroyed": ("campagne/{code}/destruction", "campaign/{code}/destruction"),
    "campaign-open": ("campagne/{code}/ouverture", "campaign/{code}/opening"),
    "campaign-move": ("campagne/{code}/calendrier", "campaign/{code}/calendar"),
    "campaign-cancel": ("campagne/{code}/annulation", "campaign/{code}/cancellation"),
    "campaign-change": ("campagne/{code}/proposition/{change_id}", "campaign/{code}/proposal/{change_id}"),
    "rehearsal-members": ("campagne/{code}/repetition/membres", "campaign/{code}/rehearsal/members"),
    "rehearsal-drop": ("campagne/{code}/repetition/fin", "campaign/{code}/rehearsal/end"),
    "list": ("operations/liste/{listed}", "operations/list/{listed}"),
    "list-file": ("operations/fichier/{listed}", "operations/file/{listed}"),
    "return-case": ("operations/examen/{claim_id}/retour", "operations/review/{claim_id}/return"),
    "member-desk": ("operations/membre/{member_id}", "operations/member/{member_id}"),
    "member-act": ("operations/membre/{member_id}/geste", "operations/member/{member_id}/act"),
    "paper": ("operations/membre/{member_id}/papier", "operations/member/{member_id}/paper"),
    "paper-back": ("operations/membre/{member_id}/papier/retour", "operations/member/{member_id}/paper/back"),
}


def pattern(name: str, language: str) -> str:
    """The path of a page as a route, with its parameters in braces."""
    slug = PAGES[name][0 if language == "fr" else 1]
    return f"/{language}/{slug}" if slug else f"/{language}/"


def path(name: str, language: str, **parameters: object) -> str:
    """The path of a page."""
    return pattern(name, language).format(**parameters)


def with_token(name: str, language: str, token: str) -> str:
    """The path of a page that a one-time token opens, as the links of mails have it."""
    return f"{path(name, language)}?{'jeton' if language == 'fr' else 'token'}={quote(token, safe='')}"


@cache
def _places() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (name, re.compile(re.sub(r"\\\{\w+\\\}", "[A-Za-z0-9-]+", re.escape(pattern(name, language)))))
        for name in PAGES
        for language in ("fr", "en")
    ]


def place(address: str) -> str | None:
    """The name of the page that a path leads to, in either language; None for any other address.

    Only the very paths of the table pass: no host, no query, nothing encoded.
    """
    return next((name for name, known in _places() if known.fullmatch(address)), None)
