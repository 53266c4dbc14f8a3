"""Words for steps, states and the reasons for asking a better photo."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from portal.rules.identity import Reason, SubmissionStatus
from portal.rules.mail import MailKind
from portal.rules.onboarding import IdentityState, Step
from portal.text.catalogues import N_, gettext

Code = TypeVar("Code", bound=str)

STEPS: dict[Step, str] = {
    Step.EMAIL: N_("Courriel"),
    Step.IDENTITY: N_("Identité"),
    Step.REGISTRATION: N_("Inscription aux votes"),
    Step.REVIEW: N_("Examen de votre pièce d'identité"),
    Step.REFUSED: N_("Pièce d'identité refusée"),
    Step.DONE: N_("Tout est prêt"),
    Step.ENDED: N_("Terminé"),
}

IDENTITY: dict[IdentityState, str] = {
    IdentityState.NONE: N_("Pièce d'identité à envoyer"),
    IdentityState.SUBMITTED: N_("Pièce d'identité reçue, réponse à venir"),
    IdentityState.APPROVED: N_("Identité confirmée"),
    IdentityState.REFUSED: N_("Identité non confirmée"),
}


class Status(StrEnum):
    """What a status line says beside a task or a vote."""

    EMAIL_NOT_VERIFIED = "email-not-verified"
    EMAIL_VERIFIED = "email-verified"
    BETTER_PHOTO = "better-photo"
    NOT_REGISTERED = "not-registered"
    PROVISIONAL = "provisional"
    REGISTERED = "registered"
    VOTED = "voted"
    PAPER = "paper"


STATUSES: dict[Status, str] = {
    Status.EMAIL_NOT_VERIFIED: N_("Courriel non vérifié"),
    Status.EMAIL_VERIFIED: N_("Courriel vérifié"),
    Status.BETTER_PHOTO: N_("Meilleure photo demandée"),
    Status.NOT_REGISTERED: N_("Inscription à faire"),
    Status.PROVISIONAL: N_("Inscription enregistrée, sous réserve de la confirmation de votre identité"),
    Status.REGISTERED: N_("Inscription confirmée"),
    Status.VOTED: N_("Vote enregistré"),
    Status.PAPER: N_("Vote par la poste"),
}

# What became of documents that were sent: never a verdict on who sent them.
SUBMISSIONS: dict[SubmissionStatus, str] = {
    SubmissionStatus.STAGED: N_("Envoi commencé, pas terminé"),
    SubmissionStatus.SUBMITTED: N_("À l'examen"),
    SubmissionStatus.APPROVED: N_("Identité confirmée"),
    SubmissionStatus.REJECTED: N_("Meilleure photo demandée"),
    SubmissionStatus.REFUSED: N_("Pièce d'identité refusée"),
    SubmissionStatus.REPLACED: N_("Remplacée par un autre envoi"),
    SubmissionStatus.WITHDRAWN: N_("Retirée par vous"),
    SubmissionStatus.EXPIRED: N_("Pas regardée en 30 jours"),
    SubmissionStatus.ABANDONED: N_("Supprimée sans examen"),
}

# What a mail is called where mails are listed.
MAILS: dict[MailKind, str] = {
    MailKind.INVITATION: N_("Invitation à voter"),
    MailKind.VERIFICATION: N_("Vérification du courriel"),
    MailKind.RENEWAL: N_("Renouvellement du mot de passe"),
    MailKind.PASSWORD_CHANGED: N_("Mot de passe changé"),
    MailKind.STAFF_INVITATION: N_("Invitation dans le personnel"),
    MailKind.STAFF_SIGNED_IN: N_("Entrée depuis un nouvel appareil"),
    MailKind.DOCUMENTS_RECEIVED: N_("Pièce d'identité reçue"),
    MailKind.APPROVED: N_("Identité confirmée"),
    MailKind.REJECTED: N_("Meilleure photo demandée"),
    MailKind.IDENTITY_REFUSED: N_("Pièce d'identité refusée"),
    MailKind.APPEAL_RECEIVED: N_("Contestation reçue"),
    MailKind.APPEAL_LATE: N_("Contestation en retard"),
    MailKind.REVIEW_WAITING: N_("Examen en attente"),
    MailKind.EXPIRED: N_("Photo à renvoyer"),
    MailKind.REGISTERED: N_("Inscription aux votes"),
    MailKind.REMINDER: N_("Rappel d'une étape"),
    MailKind.VOTING_OPEN: N_("Ouverture du vote"),
    MailKind.NOT_YET_VOTED: N_("Rappel de voter"),
    MailKind.ON_PAPER: N_("Vote par la poste"),
    MailKind.PARTICIPATION: N_("Vote enregistré"),
    MailKind.VOTE_SETTLED: N_("Vote provisoire réglé"),
    MailKind.CLOSED: N_("Clôture du vote"),
    MailKind.CAMPAIGN_CANCELLED: N_("Vote annulé"),
    MailKind.CLOSING_MOVED: N_("Clôture reportée"),
    MailKind.RESULTS: N_("Résultats publiés"),
    MailKind.DOOR_PROOF: N_("Adresse à confirmer"),
    MailKind.DOOR_LAPSED: N_("Demande close"),
    MailKind.DOOR_RECEIVED: N_("Demande reçue"),
    MailKind.DOOR_LATE: N_("Réponse en retard"),
    MailKind.DOOR_REFUSED: N_("Réponse à une demande"),
    MailKind.EMAIL_REGISTERED: N_("Courriel enregistré"),
    MailKind.WELCOME: N_("Bienvenue parmi les membres"),
    MailKind.ALREADY_MEMBER: N_("Déjà membre"),
    MailKind.ADDRESS_ON_FILE: N_("Autre adresse demandée"),
    MailKind.STAFF_WAITING: N_("Demande en attente"),
    MailKind.STAFF_ALARM: N_("Suppression en retard"),
}

# Said under the field, before anything goes wrong.
HINTS = {
    "member-number": N_("Votre numéro de membre a 6 chiffres et commence par 9 (9xxxxx)."),
    "password": N_("Au moins %(password)s caractères. Une phrase est bienvenue, espaces compris."),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why we ask again, and what will work: a better photo is asked for, nobody is judged."""

    reason: str
    remedy: str


REASONS: dict[Reason, Explanation] = {
    Reason.UNREADABLE: Explanation(
        N_("Nous n'arrivons pas à lire votre pièce d'identité sur la photo."),
        N_(
            "Posez la pièce à plat, bien éclairée et sans reflet, et reprenez la photo : nom et adresse doivent se "
            "lire."
        ),
    ),
    Reason.CUT_OFF: Explanation(
        N_("Une partie de votre pièce d'identité est hors de la photo."),
        N_("Reculez un peu et reprenez la photo : les quatre coins doivent se voir."),
    ),
    Reason.EXPIRED: Explanation(
        N_("La date de validité de cette pièce est passée."),
        N_("Envoyez la photo d'une pièce encore valide, ou d'une autre pièce de la liste."),
    ),
    Reason.TYPE_NOT_ACCEPTED: Explanation(
        N_("Cette sorte de pièce ne fait pas partie de celles que nous pouvons accepter."),
        N_("Choisissez-en une dans la liste, par exemple un permis de conduire, et envoyez-en la photo."),
    ),
    Reason.NO_ADDRESS: Explanation(
        N_("Nous ne voyons pas l'adresse de votre domicile sur ce que vous avez envoyé."),
        N_(
            "Ajoutez la photo d'un document à votre nom qui la montre : une facture, un relevé bancaire, un"
            " bail, un avis d'assurance ou d'imposition."
        ),
    ),
    Reason.NAME_DIFFERS: Explanation(
        N_("Le nom sur la pièce n'est pas tout à fait celui que nous avons à votre dossier."),
        N_(
            "Envoyez une pièce au nom de votre dossier ; si votre nom a changé, écrivez-nous et nous le "
            "mettrons à jour."
        ),
    ),
    Reason.ADDRESS_DIFFERS: Explanation(
        N_("L'adresse sur la pièce n'est pas celle que nous avons à votre dossier."),
        N_(
            "Envoyez une pièce ou une facture récente à votre adresse actuelle ; si vous avez déménagé, "
            "écrivez-nous et nous mettrons votre dossier à jour."
        ),
    ),
    # The doubt is ours and a person must be able to lift it: nothing is alleged in writing.
    Reason.SUSPECTED_FRAUD: Explanation(
        N_("Cette photo ne nous a pas permis de confirmer votre identité."),
        N_("Prenez une nouvelle photo de la pièce originale, ou écrivez-nous pour en parler avec une personne."),
    ),
    # The reviewer's own words, in both languages, come with this one.
    Reason.OTHER: Explanation(
        N_("Il nous faut une meilleure photo de votre pièce d'identité."),
        N_("Lisez le mot de la personne qui l'a regardée, puis envoyez une nouvelle photo."),
    ),
}

# Nothing of a better photo: a refusal is no request.
REFUSED_FOR_OTHER = N_("Les personnes qui ont regardé votre envoi s'en expliquent.")

NOT_DECIDED_IN_TIME = Explanation(
    N_("Nous n'avons pas réussi à regarder votre pièce d'identité en 30 jours, et nous nous en excusons."),
    N_("La faute n'est pas la vôtre : envoyez-nous une nouvelle photo quand vous le pourrez."),
)


def _word(table: Mapping[Code, str], code: Code, language: str) -> str:
    return gettext(language)(table[code])


def _explained(explanation: Explanation, language: str) -> Explanation:
    translate = gettext(language)
    return Explanation(translate(explanation.reason), translate(explanation.remedy))


def step(code: Step, language: str) -> str:
    return _word(STEPS, code, language)


def identity(code: IdentityState, language: str) -> str:
    return _word(IDENTITY, code, language)


def status(code: Status, language: str) -> str:
    return _word(STATUSES, code, language)


def mail_name(code: MailKind, language: str) -> str:
    return _word(MAILS, code, language)


def hint(name: str, language: str, *, password: int = 15) -> str:
    return _word(HINTS, name, language) % {"password": password}


def reason(code: Reason, language: str) -> Explanation:
    return _explained(REASONS[code], language)


def refused_for(code: Reason, language: str) -> str:
    """Why an identity was not confirmed; for «other» the reviewer's own words follow."""
    return gettext(language)(REFUSED_FOR_OTHER) if code is Reason.OTHER else reason(code, language).reason


def answer(
    code: Reason | None, language: str, *, refused: bool = False, note: str = "", remediable: bool = True
) -> Explanation:
    """What a member is told of documents that did not do; `note` is what the reviewer wrote, and comes in its place.

    Whoever can do nothing any more is told no remedy.
    """
    if code is None:
        return not_decided_in_time(language)
    said = reason(code, language)
    because = refused_for(code, language) if refused else said.reason
    return Explanation(because, note or (said.remedy if remediable else ""))


def not_decided_in_time(language: str) -> Explanation:
    """For a submission that nobody looked at before it had to be deleted."""
    return _explained(NOT_DECIDED_IN_TIME, language)
