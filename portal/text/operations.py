"""Words of the operations desk: stages, reasons, lists, and what needs a look now."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from portal.rules.identity import SubmissionStatus
from portal.rules.mail import MailKind
from portal.rules.onboarding import Step
from portal.rules.operations import Act, Alert, PaperReason, Stage, Stuck
from portal.text.catalogues import N_, gettext
from portal.text.labels import mail_name

Code = TypeVar("Code", bound=str)


class List(StrEnum):
    """What can be listed, each as a page and as a file."""

    MEMBERS = "members"
    STUCK = "stuck"
    NO_WORKFLOW = "no-workflow"
    BOUNCED = "bounced"
    SLOWED_DOWN = "slowed-down"
    CASES = "cases"
    SECOND_LOOKS = "second-looks"
    KEPT = "kept"
    UNDELETED = "undeleted"
    PAPER = "paper"
    PROVISIONAL = "provisional"
    UNSENT = "unsent"


STAGES: dict[Stage, str] = {
    Stage.ROLL: N_("Au registre"),
    Stage.SIGNED_IN: N_("Entrés sur le portail"),
    Stage.EMAIL: N_("Courriel vérifié"),
    Stage.DOCUMENTS: N_("Pièces envoyées"),
    Stage.IDENTITY: N_("Identité confirmée"),
    Stage.SOME: N_("Inscrits à au moins un vote"),
    Stage.ALL: N_("Inscrits à tous leurs votes"),
    Stage.VOTED: N_("Ont voté partout où ils sont inscrits"),
}

# What a file waits for, said to an operator.
WAITING: dict[Step, str] = {
    Step.EMAIL: N_("Courriel à vérifier"),
    Step.IDENTITY: N_("Identité à fournir"),
    Step.REGISTRATION: N_("Inscription à faire"),
    Step.REVIEW: N_("À l'examen"),
    Step.REFUSED: N_("Identité refusée"),
    Step.DONE: N_("Tout est prêt"),
    Step.ENDED: N_("Terminé"),
}
NEVER_CAME = N_("Jamais entré")

REASONS: dict[Stuck, str] = {
    Stuck.NO_ADDRESS: N_("Aucun courriel au dossier"),
    Stuck.BOUNCED: N_("Les courriels reviennent"),
    Stuck.UNCONFIRMED: N_("Courriel pas confirmé depuis plus de 24 heures"),
    Stuck.REJECTED: N_("Meilleure photo demandée, rien depuis 3 jours"),
    Stuck.REVIEW_LATE: N_("Attend l'examen depuis plus de 7 jours"),
    Stuck.PARTLY: N_("Inscrit à une partie de ses votes, rien depuis 3 jours"),
    Stuck.NO_WORKFLOW: N_("Dossier ouvert, sans workflow dans Temporal"),
}

ACTS: dict[Act, str] = {
    Act.RESEND: N_("Renvoyer le courriel de vérification"),
    Act.REOPEN: N_("Relancer le dossier"),
    Act.PAPER: N_("Faire voter par la poste"),
    Act.RETURN: N_("Rendre à la file"),
}

PAPER: dict[PaperReason, str] = {
    PaperReason.ASKED: N_("La personne l'a demandé"),
    PaperReason.NO_EMAIL: N_("Elle n'a pas de courriel"),
    PaperReason.NO_DEVICE: N_("Elle n'a ni ordinateur ni téléphone"),
    PaperReason.ACCESSIBILITY: N_("Le portail ne lui est pas accessible"),
    PaperReason.LOCKED_OUT: N_("Elle n'arrive pas à entrer à temps"),
}

# Why pictures are needed no more, said to an operator.
ENDINGS: dict[SubmissionStatus, str] = {
    SubmissionStatus.APPROVED: N_("Identité confirmée"),
    SubmissionStatus.REJECTED: N_("Meilleure photo demandée"),
    SubmissionStatus.REFUSED: N_("Identité refusée"),
    SubmissionStatus.REPLACED: N_("Remplacée par un autre envoi"),
    SubmissionStatus.WITHDRAWN: N_("Retirée par la personne"),
    SubmissionStatus.EXPIRED: N_("Pas regardée en 30 jours"),
    SubmissionStatus.ABANDONED: N_("Supprimée sans examen"),
}

# Why pictures are there, said to an operator.
KEPT: dict[SubmissionStatus, str] = {
    **ENDINGS,
    SubmissionStatus.STAGED: N_("Envoi commencé, pas terminé"),
    SubmissionStatus.SUBMITTED: N_("À l'examen"),
}

# What a provisional vote waits for, said to an operator.
WAITING_VOTES: dict[SubmissionStatus, str] = {
    **ENDINGS,
    SubmissionStatus.SUBMITTED: N_("À l'examen"),
    SubmissionStatus.REFUSED: N_("Identité refusée, peut encore être contestée"),
}

LISTS: dict[List, str] = {
    List.MEMBERS: N_("Membres"),
    List.STUCK: N_("Personnes bloquées"),
    List.NO_WORKFLOW: N_("Dossiers sans workflow"),
    List.BOUNCED: N_("Courriels non livrés"),
    List.SLOWED_DOWN: N_("Entrées ralenties"),
    List.CASES: N_("Dossiers à l'examen"),
    List.SECOND_LOOKS: N_("Attendent un autre regard"),
    List.KEPT: N_("Envois encore gardés"),
    List.UNDELETED: N_("Pièces à supprimer"),
    List.PAPER: N_("Votes par la poste"),
    List.PROVISIONAL: N_("Votes provisoires"),
    List.UNSENT: N_("Courriels à envoyer"),
}

EMPTY: dict[List, str] = {
    List.MEMBERS: N_("Personne ne répond à ces critères."),
    List.STUCK: N_("Personne n'est bloqué."),
    List.NO_WORKFLOW: N_("Chaque dossier ouvert a son workflow."),
    List.BOUNCED: N_("Tous les courriels sont arrivés."),
    List.SLOWED_DOWN: N_("Aucune entrée n'est ralentie."),
    List.CASES: N_("Aucun dossier n'attend d'examen."),
    List.SECOND_LOOKS: N_("Aucun dossier n'attend un autre regard depuis plus d'un jour."),
    List.KEPT: N_("Aucune pièce d'identité n'est gardée."),
    List.UNDELETED: N_("Toutes les pièces qui ne servent plus sont supprimées."),
    List.PAPER: N_("Personne ne vote par la poste."),
    List.PROVISIONAL: N_("Aucun vote n'est provisoire."),
    List.UNSENT: N_("Aucun courriel n'attend de partir."),
}

# What stands above the three columns that each list has of its own; without words there is no such column.
COLUMNS: dict[List, tuple[str, str, str]] = {
    List.MEMBERS: (N_("Étape"), N_("Attend depuis le"), ""),
    List.STUCK: (N_("Ce qui bloque"), N_("Depuis le"), ""),
    List.NO_WORKFLOW: (N_("Ce qui bloque"), N_("Depuis le"), ""),
    List.BOUNCED: (N_("Courriel et réponse du serveur"), N_("Depuis le"), ""),
    List.SLOWED_DOWN: (N_("Essais de suite"), N_("Dernier essai le"), N_("Ralentie jusqu'au")),
    List.CASES: (N_("État"), N_("Reçu le"), N_("Ouvert par l'équipe jusqu'au")),
    List.SECOND_LOOKS: (N_("Ce qui attend"), N_("Depuis le"), ""),
    List.KEPT: (N_("État"), N_("Reçu le"), ""),
    List.UNDELETED: (N_("Ce qui s'est passé"), N_("Ne sert plus depuis le"), ""),
    List.PAPER: (N_("Motif"), N_("Depuis le"), ""),
    List.PROVISIONAL: (N_("Où en est l'identité"), N_("Depuis le"), N_("À régler avant le")),
    List.UNSENT: (N_("Courriel et dernière réponse du serveur"), N_("À envoyer le"), ""),
}

NUMBER, FAMILY_NAME, GIVEN_NAME = N_("Numéro"), N_("Nom de famille"), N_("Prénom")
GROUP, LANGUAGE = N_("Groupe"), N_("Langue")
_LOOKS = {
    "appeal": N_("Appel, pour une personne qui n'y a pas pris part"),
    "opinion": N_("Deuxième avis"),
    "known": N_("Rendu par quelqu'un qui connaît la personne"),
}
_UNDER_REVIEW, _OPEN_AT_THE_DESK = N_("Dans la file"), N_("Entre les mains de l'équipe")

ALERTS: dict[Alert, tuple[str, str]] = {
    Alert.DOCUMENT_OVERDUE: (
        N_("Une pièce d'identité aurait dû être supprimée il y a plus d'une heure."),
        N_("%(count)s pièces d'identité auraient dû être supprimées, la plus ancienne il y a plus d'une heure."),
    ),
    Alert.DOCUMENT_LATE: (
        N_("Une pièce d'identité attend sa suppression depuis plus de 15 minutes."),
        N_("%(count)s pièces d'identité attendent leur suppression, la plus ancienne depuis plus de 15 minutes."),
    ),
    Alert.NUMBER_PATH_CLOSED: (
        N_("Trop de numéros de membre devinés : l'entrée par numéro est fermée à tout le monde pour une heure."),
        N_("Trop de numéros de membre devinés : l'entrée par numéro est fermée à tout le monde pour une heure."),
    ),
    Alert.MAILS_BOUNCE: (
        N_("%(count)s courriel est revenu depuis une heure."),
        N_("%(count)s courriels sont revenus depuis une heure : regardez si un serveur nous refuse."),
    ),
    Alert.MAILS_WAIT: (
        N_("Un courriel aurait dû partir il y a plus de 10 minutes : le relais ou son serveur ne répond pas."),
        N_("%(count)s courriels attendent, l'un depuis plus de 10 minutes : le relais ou son serveur ne répond pas."),
    ),
    Alert.SECOND_LOOKS_WAIT: (
        N_("Un dossier attend depuis plus d'un jour le regard d'une autre personne."),
        N_("%(count)s dossiers attendent depuis plus d'un jour le regard d'une autre personne."),
    ),
    Alert.REVIEWER_OPENS_MANY: (
        N_("Une personne de l'équipe d'examen a ouvert plus de 30 dossiers en une heure : parlez-lui-en."),
        N_("%(count)s fois depuis hier, une même personne a ouvert plus de 30 dossiers en une heure : parlez-lui-en."),
    ),
    Alert.VOTES_TO_SETTLE: (
        N_("Une personne a un vote provisoire à régler dans les deux jours : il retient le dépouillement."),
        N_(
            "%(count)s personnes ont un vote provisoire, le premier à régler dans les deux jours : ils retiennent le "
            "dépouillement."
        ),
    ),
    Alert.REQUESTS_LATE: (
        N_("Une demande attend une réponse qui était promise plus tôt."),
        N_("%(count)s demandes attendent une réponse qui était promise plus tôt."),
    ),
    Alert.REVIEW_LATE: (
        N_("Un dossier attend l'examen depuis plus de 7 jours."),
        N_("%(count)s dossiers attendent l'examen depuis plus de 7 jours."),
    ),
    Alert.KEY_MISSING: (
        N_("Le vote ouvre dans moins de trois jours, ou est ouvert, sans clé de scrutin : personne ne pourrait voter."),
        N_("%(count)s votes ouvrent dans moins de trois jours sans clé de scrutin : personne ne pourrait y voter."),
    ),
    Alert.WORKFLOWS_MISSING: (
        N_("Un dossier ouvert n'a pas de workflow dans Temporal."),
        N_("%(count)s dossiers ouverts n'ont pas de workflow dans Temporal."),
    ),
}  # fmt: skip


def word(table: Mapping[Code, str], code: Code, language: str) -> str:
    """The word of one of these tables."""
    return gettext(language)(table[code])


def alert(code: Alert, count: int, language: str) -> str:
    """Never said of none, hence one and many are the same question in both languages."""
    one, many = ALERTS[code]
    return gettext(language)(one if count == 1 else many) % {"count": count}


def what(listed: List, code: str, language: str, *, held: bool = False) -> str:
    """What a line of a list says of itself."""
    match listed:
        case List.MEMBERS:
            return word(WAITING, Step(code), language) if code else gettext(language)(NEVER_CAME)
        case List.STUCK | List.NO_WORKFLOW:
            return word(REASONS, Stuck(code), language)
        case List.BOUNCED | List.UNSENT:
            kind, _, answer = code.partition(" ")
            return (
                f"{mail_name(MailKind(kind), language)} ({answer})" if answer else mail_name(MailKind(kind), language)
            )
        case List.SLOWED_DOWN:
            return code
        case List.CASES:
            return gettext(language)(_OPEN_AT_THE_DESK if held else _UNDER_REVIEW)
        case List.SECOND_LOOKS:
            return word(_LOOKS, code, language)
        case List.KEPT:
            return word(KEPT, SubmissionStatus(code), language)
        case List.UNDELETED:
            return word(ENDINGS, SubmissionStatus(code), language)
        case List.PROVISIONAL:
            return word(WAITING_VOTES, SubmissionStatus(code), language)
        case List.PAPER:
            return word(PAPER, PaperReason(code), language)
