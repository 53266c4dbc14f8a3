"""What stands in the way of a vote, in words: what it is, and what to do about it."""

from portal.rules.running import Obstacle
from portal.text.catalogues import N_, gettext

# What is wrong, what to do, and the words of the link to where it is done.
OBSTACLES: dict[Obstacle, tuple[str, str, str]] = {
    Obstacle.NO_BALLOT: (
        N_("Aucun vote n'est préparé."), N_("Ajoutez chaque question, dans les deux langues."), N_("Ajouter un vote"),
    ),
    Obstacle.MANDATED: (
        N_("« %(ballot)s » est réservé aux membres, alors que la loi le donne à tout le personnel de l'unité."),
        N_("Choisissez « Tout le personnel de l'unité » : sinon le vote serait annulable."), N_("Modifier ce vote"),
    ),
    Obstacle.NO_ELECTOR: (
        N_("« %(ballot)s » ne s'adresse à personne du registre."),
        N_("Revoyez ses groupes, ou importez le registre."), N_("Modifier ce vote"),
    ),
    Obstacle.NO_CANDIDATES: (
        N_("« %(ballot)s » n'a pas assez de candidatures."),
        N_("Ajoutez des candidatures, ou baissez le nombre de personnes à choisir."), N_("Modifier ce vote"),
    ),
    Obstacle.TOO_MANY_CHOICES: (
        N_("« %(ballot)s » laisse choisir plus de 31 personnes, ce qu'un bulletin ne peut pas porter."),
        N_("Baissez le nombre de personnes à choisir."), N_("Modifier ce vote"),
    ),
    Obstacle.TEXTS: (
        N_("« %(ballot)s » n'a pas ses textes dans les deux langues."),
        N_("Traduisez son titre et sa question : ils sont vides ou identiques."), N_("Modifier ce vote"),
    ),
    Obstacle.NO_KEY: (
        N_("Aucune clé de scrutin n'est enregistrée : personne ne pourrait voter."),
        N_("Tenez la cérémonie des clés, puis enregistrez « election.json » à deux."), N_("Clé de scrutin"),
    ),
    Obstacle.OTHER_CAMPAIGN: (
        N_("Une autre campagne n'est pas terminée quand ce vote ouvre, ou l'inverse : les membres n'en voient qu'une."),
        N_("Déplacez l'une des deux : un vote ouvre une fois la fin de l'autre campagne passée."),
        N_("Dates de la campagne"),
    ),
    Obstacle.SECOND_OFFICER: (
        N_("Il n'y a pas deux personnes responsables du scrutin."),
        N_("Donnez ce rôle à une deuxième personne, au moins un jour avant qu'elle doive confirmer."), N_("Personnel"),
    ),
    Obstacle.CONFLICT: (
        N_("Une personne responsable du scrutin y est aussi candidate."),
        N_("Elle ne peut ni proposer ni confirmer : retirez-lui ce rôle pour la durée du vote."), N_("Personnel"),
    ),
    Obstacle.END: (
        N_("La campagne se termine moins de sept jours après la fin du vote : des votes provisoires seraient écartés."),
        N_("Reportez la fin de la campagne, pour que chaque identité encore à l'examen reçoive sa réponse."),
        N_("Dates de la campagne"),
    ),
    Obstacle.ROLL_IMPORT: (
        N_("Un import du registre n'est pas terminé."),
        N_("Terminez-le ou abandonnez-le, pour que le registre ne change pas sous le vote."),
        N_("Registre des membres"),
    ),
    Obstacle.MAIL: (
        N_("Des courriels attendent depuis plus de dix minutes."),
        N_("Vérifiez que le relais et son serveur répondent : l'avis d'ouverture part par là."), N_("Opérations"),
    ),
}  # fmt: skip


def said(obstacle: Obstacle, ballot: str, language: str) -> tuple[str, str, str]:
    """What is in the way, what to do, and the words of the link."""
    translate = gettext(language)
    what, todo, link = OBSTACLES[obstacle]
    return translate(what) % {"ballot": ballot}, translate(todo), translate(link)
