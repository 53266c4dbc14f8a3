"""What a refusal says in the booth: each says whether a vote was cast, and what to do now."""

from portal.rules.refusals import Refusal
from portal.text.catalogues import N_

OF_THE_BOOTH: dict[Refusal, str] = {
    Refusal.NOTHING_CHOSEN: N_(
        "Aucune réponse n'est choisie : choisissez-en une, ou « Vote blanc » si vous n'en voulez aucune."
    ),
    Refusal.TOO_MANY_CHOICES: N_(
        "Vous avez choisi plus de réponses qu'il n'est permis : retirez-en, sinon votre vote ne serait pas valable."
    ),
    Refusal.BLANK_AND_MORE: N_(
        "Un vote blanc ne va pas avec d'autres réponses : gardez « Vote blanc » ou vos réponses, mais pas les deux."
    ),
    Refusal.CHOICE_UNKNOWN: N_(
        "Ce choix n'est pas une réponse de ce vote et rien n'a été déposé : choisissez parmi les réponses de la page."
    ),
    Refusal.VOTE_UNREADABLE: N_(
        "Ce vote est arrivé incomplet et rien n'a été déposé : choisissez de nouveau, puis déposez votre vote."
    ),
    Refusal.QUESTION_REREAD: N_(
        "Le texte de ce vote a été relu depuis que vous avez ouvert la page et rien n'a été déposé : lisez-le de "
        "nouveau, puis choisissez."
    ),
    Refusal.VOTE_LOST: N_(
        "Votre session avait pris fin et ce que vous venez d'envoyer n'a PAS été déposé : rien n'est gardé de votre "
        "choix, entrez de nouveau et recommencez, et si un vote est déjà là, la page vous le dira."
    ),
}
