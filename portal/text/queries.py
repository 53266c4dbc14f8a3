"""What each ready query shows, and when to ask it."""

from dataclasses import dataclass

from portal.rules.queries import Ready, Topic
from portal.text.catalogues import N_, gettext


@dataclass(frozen=True, slots=True)
class SaidQuery:
    title: str
    shows: str
    when: str


TOPICS: dict[Topic, str] = {
    Topic.FILES: N_("Les dossiers des membres"),
    Topic.REQUESTS: N_("Les demandes faites sur le portail"),
    Topic.TROUBLE: N_("Ce qui ne va pas"),
    Topic.STANDING: N_("Ce qui tourne toujours"),
}

QUERIES: dict[Ready, SaidQuery] = {
    Ready.REVIEW: SaidQuery(
        N_("Dossiers qui n'attendent plus que l'examen"),
        N_("Les membres qui ont tout fait et dont la pièce d'identité n'est pas encore examinée."),
        N_("Chaque matin, pour savoir combien de décisions restent à prendre."),
    ),
    Ready.REVIEW_LATE: SaidQuery(
        N_("Examens qui attendent depuis plus de deux jours"),
        N_("Les mêmes, quand personne ne les a pris depuis deux jours."),
        N_("Quand l'équipe d'examen manque de monde, ou à l'approche de la clôture."),
    ),
    Ready.STUCK_EMAIL: SaidQuery(
        N_("Courriel à vérifier depuis plus de sept jours"),
        N_("Les membres qui sont entrés sans confirmer leur adresse ; les deux rappels sont partis."),
        N_("Avant de téléphoner, ou quand beaucoup de courriels reviennent."),
    ),
    Ready.STUCK_IDENTITY: SaidQuery(
        N_("Identité à fournir depuis plus de sept jours"),
        N_("Les membres qui n'ont pas encore envoyé de photo, ou qui n'ont pas renvoyé celle qu'on leur a demandée."),
        N_("Pour voir si la page des photos pose un problème à beaucoup de monde."),
    ),
    Ready.STUCK_REGISTRATION: SaidQuery(
        N_("Inscription à faire depuis plus de sept jours"),
        N_("Les membres qui ont envoyé leur pièce d'identité sans s'inscrire à tous leurs votes."),
        N_("À l'approche du vote : il ne leur manque qu'un clic."),
    ),
    Ready.OPEN_EC: SaidQuery(
        N_("Dossiers ouverts du groupe EC"),
        N_("Tous les dossiers du groupe, quelle que soit l'étape."),
        N_("Quand une question vient de ce groupe."),
    ),
    Ready.OPEN_TR: SaidQuery(
        N_("Dossiers ouverts du groupe TR"),
        N_("Tous les dossiers du groupe, quelle que soit l'étape."),
        N_("Quand une question vient de ce groupe."),
    ),
    Ready.OPEN_BDP: SaidQuery(
        N_("Dossiers ouverts de la Bibliothèque du Parlement"),
        N_("Tous les dossiers du groupe, quelle que soit l'étape."),
        N_("Quand une question vient de ce groupe."),
    ),
    Ready.MANY_ATTEMPTS: SaidQuery(
        N_("Trois envois de photos ou plus"),
        N_("Les membres qui recommencent : photo refusée, retirée ou remplacée plusieurs fois."),
        N_("Pour offrir de l'aide avant qu'ils abandonnent."),
    ),
    Ready.WITHOUT_ATTRIBUTES: SaidQuery(
        N_("Dossiers ouverts avant la version 0.2"),
        N_("Ils n'ont ni étape ni groupe dans Temporal ; la page des opérations, elle, les montre tous."),
        N_("Après une mise à jour, pour savoir lesquels manquent dans les listes d'ici."),
    ),
    Ready.DESK: SaidQuery(
        N_("Demandes qui attendent une décision"),
        N_("Adresses à enregistrer et adhésions dont le courriel est confirmé."),
        N_("Chaque matin : une réponse est promise en cinq jours."),
    ),
    Ready.DESK_LATE: SaidQuery(
        N_("Demandes en retard"),
        N_("Les mêmes, quand les cinq jours promis sont passés."),
        N_("Si un courriel vous le rappelle : il revient tous les deux jours."),
    ),
    Ready.BLOCKED: SaidQuery(
        N_("Dossiers bloqués par une erreur du programme"),
        N_("Le programme ne sait plus lire leur histoire, ou s'y trompe ; rien n'est perdu, tout attend."),
        N_("Après chaque mise à jour et chaque retour en arrière : la liste doit être vide."),
    ),
    Ready.FAILED: SaidQuery(
        N_("Échecs définitifs"),
        N_("Ce que le programme ne recommencera pas : un identifiant qui ne mène à rien, un délai dépassé."),
        N_("Chaque jour. La cause est un code ; les autres dossiers continuent."),
    ),
    Ready.ENDED_BY_HAND: SaidQuery(
        N_("Arrêtés à la main depuis sept jours"),
        N_("Ce que quelqu'un a arrêté ou annulé dans Temporal, ou par la ligne de commande."),
        N_("Si un membre dit que son dossier a bougé tout seul ; il reprend à son prochain geste."),
    ),
    Ready.STANDING: SaidQuery(
        N_("Envoi des courriels et calendriers"),
        N_("Un travail qui envoie les courriels, et un par campagne."),
        N_("Si plus rien ne part : il doit y en avoir au moins un de chaque."),
    ),
    Ready.SWEEPS: SaidQuery(
        N_("Ménages des dernières 24 heures"),
        N_("Un par heure : chaque photo sans dossier ouvert y est supprimée."),
        N_("Si la plus ancienne photo gardée vous paraît vieille."),
    ),
}


def said_topic(topic: Topic, language: str) -> str:
    return gettext(language)(TOPICS[topic])


def said_query(code: Ready, language: str) -> SaidQuery:
    translate, said = gettext(language), QUERIES[code]
    return SaidQuery(translate(said.title), translate(said.shows), translate(said.when))
