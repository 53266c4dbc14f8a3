"""The journal about a member in plain words: who, what, and what more there is to say."""

from dataclasses import dataclass

from portal.rules.identity import Reason, SubmissionStatus, Verdict
from portal.rules.refusals import Refusal
from portal.rules.roll import Change
from portal.text.catalogues import N_, gettext
from portal.text.catalogues import ngettext as plural_of
from portal.text.labels import REASONS, STEPS, SUBMISSIONS, refused_for
from portal.text.operations import PAPER
from portal.text.roll import change_names

# One for every action that any part of the portal writes down; a test looks for those without words.
ACTIONS = {
    "activated": N_("Premier mot de passe choisi"),
    "appeal-late": N_("Réponse à une contestation en retard, excuses envoyées"),
    "appeal-made": N_("Décision contestée, pièce d'identité reçue"),
    "ballot-drafted": N_("Vote d'une campagne préparé"),
    "ballot-removed": N_("Vote retiré d'une ébauche"),
    "campaign-drafted": N_("Campagne préparée"),
    "counts-differed": N_("Deux dépouillements différents, rien n'a été publié"),
    "urn-downloaded": N_("Urne scellée téléchargée"),
    "change-confirmed": N_("Changement d'une campagne confirmé par une autre personne"),
    "change-proposed": N_("Changement d'une campagne proposé"),
    "change-withdrawn": N_("Proposition retirée"),
    "mock-members-added": N_("Membres fictifs créés pour une répétition"),
    "rehearsal-dropped": N_("Répétition effacée"),
    "case-opened": N_("Votre dossier pris en main pour l'examen"),
    "data-downloaded": N_("Vos données téléchargées"),
    "decided": N_("Décision prise sur votre pièce d'identité"),
    "decision-ignored": N_("Signal de décision reçu, resté sans effet"),
    "staff-officer-proposed": N_("Rôle de responsable du scrutin proposé pour une personne du personnel"),
    "approval-taken-back": N_("Approbation sans effet : votre nom ou votre adresse a changé au registre entre-temps"),
    "documents-closed": N_("Fin de l'envoi, sans décision"),
    "documents-erased": N_("Photos supprimées, absence vérifiée"),
    "documents-submitted": N_("Pièce d'identité reçue"),
    "documents-withdrawn": N_("Photos retirées"),
    "erasure-alarm": N_("Suppression de vos photos en retard, les responsables sont prévenus"),
    "email-verified": N_("Courriel vérifié"),
    "erased-by-sweep": N_("Photos supprimées par le ménage de chaque heure"),
    "factor-added": N_("Clé ou application de codes ajoutée"),
    "factor-asked": N_("Mot de passe accepté, clé demandée"),
    "factor-refused": N_("Clé ou code refusé"),
    "factor-removed": N_("Clé ou application de codes retirée"),
    "factor-shown": N_("Clé ou code montré de nouveau"),
    "file-ended": N_("Dossier de la campagne fermé"),
    "file-opened": N_("Dossier de la campagne ouvert"),
    "identity-approved": N_("Identité confirmée"),
    "identity-refused": N_("Pièce d'identité refusée"),
    "identity-rejected": N_("Meilleure photo demandée"),
    "invitation-used": N_("Invitation du personnel utilisée"),
    "journal-downloaded": N_("Journal téléchargé"),
    "language-chosen": N_("Langue de correspondance choisie"),
    "file-reopened": N_("Dossier relancé à votre place"),
    "lease-returned": N_("Votre dossier remis dans la file d'examen"),
    "many-cases-opened": N_("Beaucoup de dossiers ouverts en une heure"),
    "list-exported": N_("Liste téléchargée"),
    "mail-resent": N_("Courriel de vérification renvoyé à votre place"),
    "notice-queued": N_("Avis à tout le monde préparé"),
    "number-path-closed": N_("Entrée par numéro de membre fermée à tout le monde pour une heure"),
    "opinion-given": N_("Premier avis donné sur votre pièce d'identité, un autre à venir"),
    "opinion-from-shell": N_("Avis donné hors des pages, par une personne chargée de l'examen"),
    "opinion-undone": N_("Avis ou décision repris avant d'avoir eu un effet"),
    "paper-marked": N_("Vote par la poste choisi : le vote en ligne vous est fermé"),
    "paper-taken-back": N_("Vote par la poste repris : vous votez de nouveau en ligne"),
    "password-renewed": N_("Mot de passe renouvelé, toutes les sessions fermées"),
    "picture-seen": N_("Photo de votre pièce d'identité ouverte"),
    "re-entry-refused": N_("Mot de passe demandé de nouveau : ce n'était pas le bon"),
    "recovery-used": N_("Code de récupération utilisé"),
    "registered": N_("Inscription aux votes"),
    "reminded": N_("Rappel préparé"),
    "reminders-off": N_("Rappels arrêtés"),
    "reminders-on": N_("Rappels repris"),
    "renewal-asked": N_("Lien demandé pour renouveler le mot de passe"),
    "renewal-closed": N_("Lien de renouvellement terminé"),
    "request-closed": N_("Demande faite sur le portail : réponse envoyée"),
    "request-decided": N_("Décision prise sur une demande faite sur le portail"),
    "request-proven": N_("Adresse confirmée pour une demande faite sur le portail"),
    "request-returned": N_("Demande remise à l'étude"),
    "request-taken": N_("Demande faite sur le portail"),
    "vote-sampled": N_("Choix au hasard : on peut vous demander si vous avez voté, jamais ce que vous avez choisi"),
    "voted": N_("Vote déposé : le portail sait que vous avez voté, pas ce que vous avez choisi"),
    "roll-consulted": N_("Votre fiche du registre comparée à une demande faite sur le portail"),
    "roll-abandoned": N_("Fichier du registre des membres abandonné"),
    "roll-stopped": N_("Import du registre des membres arrêté avant la fin"),
    "roll-added": N_("Ajout au registre des membres, d'après le fichier du syndicat"),
    "roll-changed": N_("Fiche modifiée d'après le fichier du syndicat"),
    "roll-confirmed": N_("Import du registre des membres confirmé"),
    "roll-downloaded": N_("Détail d'un import du registre des membres téléchargé"),
    "roll-imported": N_("Import du registre des membres terminé"),
    "roll-left": N_("Retrait du registre des membres, d'après le fichier du syndicat"),
    "roll-proposed": N_("Import du registre des membres proposé à une deuxième personne"),
    "roll-returned": N_("Retour au registre des membres, d'après le fichier du syndicat"),
    "roll-uploaded": N_("Fichier du registre des membres reçu"),
    "session-closed": N_("Une autre session fermée"),
    "session-superseded": N_("Session la plus ancienne fermée : il y en avait trop à la fois"),
    "sessions-closed": N_("Toutes les autres sessions fermées"),
    "sign-in-refused": N_("Essai d'entrée qui n'a pas réussi"),
    "signed-in": N_("Entrée sur le portail"),
    "signed-out": N_("Déconnexion"),
    "staff-factors-reset": N_("Clés d'une personne du personnel effacées, sur demande d'une autre"),
    "staff-invited": N_("Personne invitée dans le personnel"),
    "staff-reinstated": N_("Accès d'une personne du personnel rétabli"),
    "staff-reset-asked": N_("Effacement des clés d'une personne du personnel demandé"),
    "staff-role-given": N_("Rôle donné à une personne du personnel"),
    "staff-role-taken": N_("Rôle retiré à une personne du personnel"),
    "staff-sessions-ended": N_("Sessions d'une personne du personnel fermées"),
    "staff-suspended": N_("Accès d'une personne du personnel suspendu"),
    "stray-erased": N_("Image sans dossier supprimée"),
    "verification-asked": N_("Courriel de vérification demandé"),
}
# Of a portal that knew more than this one.
OTHER_ACTION = N_("Autre geste")

# Roles only: nobody is named to anybody.
ACTORS = {
    "member": N_("Vous"),
    "reviewer": N_("Une personne de l'équipe d'examen"),
    "operator": N_("Une ou un responsable"),
    "officer": N_("Une ou un responsable du scrutin"),
    "auditor": N_("Une personne chargée de la vérification"),
    "staff": N_("Une personne de l'équipe"),
    "shell": N_("Une personne de l'équipe, à la ligne de commande"),
    "system": N_("Le portail"),
    "unknown": N_("Une personne non connectée"),
}
OTHER_ACTOR = ACTORS["staff"]

# Openings of a picture, told apart from the rest.
PICTURES = frozenset({"picture-seen"})

_CODES: dict[tuple[str, str], str] = {
    ("decided", Verdict.APPROVE.value): N_("identité confirmée"),
    ("decided", Verdict.REJECT.value): N_("meilleure photo demandée"),
    ("decided", Verdict.REFUSE.value): N_("pièce d'identité refusée"),
    ("language-chosen", "fr"): N_("français"),
    ("language-chosen", "en"): N_("anglais"),
    ("lease-returned", "expired"): N_("le temps réservé était écoulé"),
    ("renewal-asked", Refusal.MAIL_JUST_SENT.value): N_("un lien venait d'être envoyé, aucun autre n'est parti"),
    ("renewal-closed", "used"): N_("un nouveau mot de passe a été choisi"),
    ("renewal-closed", "expired"): N_("le lien n'a pas servi"),
    ("renewal-closed", "superseded"): N_("un lien plus récent l'a remplacé"),
    ("request-decided", "accept"): N_("acceptée"),
    ("request-decided", "refuse"): N_("réponse avec un motif"),
    ("request-taken", "register-email"): N_("Enregistrer mon courriel"),
    ("request-taken", "join"): N_("Je veux devenir membre"),
    ("sign-in-refused", Refusal.TOO_MANY_TRIES.value): N_("trop d'essais de suite"),
    ("sign-in-refused", Refusal.STAFF_SUSPENDED.value): N_("accès suspendu"),
    ("signed-in", "activation"): N_("avec le numéro de membre"),
    ("signed-in", "staff"): N_("avec un mot de passe et une clé ou un code"),
    **{
        (action, how): words
        for action in ("factor-added", "factor-removed", "factor-shown")
        for how, words in (("passkey", N_("clé d'accès")), ("code", N_("application de codes")))
    },
    **{("paper-marked", reason.value): words for reason, words in PAPER.items()},
    **{("documents-closed", status.value): words for status, words in SUBMISSIONS.items()},
    **{("reminded", step.value): words for step, words in STEPS.items()},
}


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the trail."""

    who: str
    what: str
    more: str
    picture: bool


def said(actor: str, action: str, code: str | None, language: str) -> Said:
    translate = gettext(language)
    return Said(
        who=translate(ACTORS.get(actor, OTHER_ACTOR)),
        what=translate(ACTIONS.get(action, OTHER_ACTION)),
        more=more_of(action, code or "", language),
        picture=action in PICTURES,
    )


def more_of(action: str, code: str, language: str) -> str:
    """What more there is to say of an action, in words; nothing where there are none."""
    translate = gettext(language)
    if action == "registered" and code:
        count = len(code.split(","))
        # By this name, or the catalogues would not find what it says.
        ngettext = plural_of(language)
        return ngettext("%(count)s vote", "%(count)s votes", count) % {"count": count}
    if action == "documents-erased":
        return translate(N_("certificat %(number)s")) % {"number": code}
    if action in ("identity-rejected", "identity-refused") and code in set(Reason):
        # In the words that the member was written: the code itself is the reviewers'.
        return (
            refused_for(Reason(code), language)
            if action == "identity-refused"
            else translate(REASONS[Reason(code)].reason)
        )
    if action in ("roll-changed", "roll-returned") and set(code.split(",")) <= set(Change):
        return change_names([Change(one) for one in code.split(",")], language)
    known = _CODES.get((action, code))
    return "" if known is None else translate(known)


def outcome(status: SubmissionStatus, language: str) -> str:
    """What became of a submission."""
    return gettext(language)(SUBMISSIONS[status])
