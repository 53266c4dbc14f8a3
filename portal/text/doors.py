"""Words of the doors beside the entrance: what a field needs, and why a request could not be accepted."""

from portal.rules.doors import Reason
from portal.text.catalogues import N_, gettext
from portal.text.labels import Explanation

# One sentence per field, which says what will work, whatever was typed.
FIELDS: dict[str, str] = {
    "number": N_("Écrivez les 6 chiffres de votre numéro de membre : il commence par 9."),
    "given_name": N_("Écrivez votre prénom, en lettres (100 au plus)."),
    "family_name": N_("Écrivez votre nom de famille, en lettres (100 au plus)."),
    "street": N_("Écrivez le numéro et la rue de votre domicile (200 caractères au plus)."),
    "city": N_("Écrivez la ville où vous habitez (200 caractères au plus)."),
    "province": N_("Choisissez votre province ou votre territoire dans la liste."),
    "postal_code": N_("Écrivez le code postal de votre domicile, comme K1A 0B1."),
    "email": N_("Écrivez une adresse de courriel complète et sans accent avant le @, comme nom@exemple.ca."),
    "phone": N_("Écrivez votre numéro de téléphone avec l'indicatif régional, comme 613 555-0123, ou laissez vide."),
    "employer": N_("Écrivez votre ministère ou votre employeur (200 caractères au plus)."),
    "group": N_("Choisissez votre groupe, ou « Je ne sais pas »."),
    "language": N_("Choisissez la langue dans laquelle nous vous écrirons."),
    "declaration": N_("Cochez la case pour confirmer que vous voulez devenir membre."),
}
NUMBER_IF_ANY = N_("Écrivez les 6 chiffres de votre numéro, qui commence par 9, ou laissez vide.")

REASONS: dict[Reason, Explanation] = {
    Reason.NUMBER_UNKNOWN: Explanation(
        N_("Nous n'avons pas trouvé ce numéro de membre dans notre registre."),
        N_("Vérifiez-le sur une lettre ou une carte du syndicat et refaites la demande, ou répondez à ce courriel."),
    ),
    Reason.NAME_DIFFERS: Explanation(
        N_("Le nom que vous avez écrit n'est pas celui de notre registre pour ce numéro."),
        N_("Refaites la demande avec le nom de votre dossier ; s'il a changé, répondez à ce courriel."),
    ),
    Reason.ADDRESS_DIFFERS: Explanation(
        N_("Le code postal que vous avez écrit n'est pas celui de votre dossier."),
        N_("Refaites la demande avec votre ancien code postal ; si vous avez déménagé, répondez à ce courriel."),
    ),
    Reason.ADDRESS_ON_FILE: Explanation(
        N_("Une adresse de courriel est déjà à ce dossier, et nous ne la remplaçons pas par ce formulaire."),
        N_(
            "Choisissez « Renouveler mon mot de passe » avec l'adresse où vous recevez nos courriels ; si vous ne "
            "l'avez plus, répondez à ce courriel et une personne vous aidera."
        ),
    ),
    Reason.ADDRESS_TAKEN: Explanation(
        N_("Cette adresse de courriel sert déjà à une autre personne sur le portail."),
        N_("Chaque personne a la sienne : refaites la demande avec une adresse qui n'est qu'à vous."),
    ),
    Reason.NOT_IN_UNIT: Explanation(
        N_("D'après ce que vous avez écrit, votre poste ne fait pas partie des groupes que nous représentons."),
        N_("Si votre poste a changé ou si vous en doutez, répondez à ce courriel avec le nom de votre poste."),
    ),
    Reason.ALREADY_MEMBER: Explanation(
        N_("Bonne nouvelle : vous êtes déjà membre."),
        N_("Entrez sur le portail avec votre courriel et votre mot de passe, ou renouvelez celui-ci."),
    ),
    Reason.INCOMPLETE: Explanation(
        N_("Il nous manque de quoi vous reconnaître dans le système du syndicat."),
        N_("Refaites la demande en complétant votre adresse et votre employeur, ou répondez à ce courriel."),
    ),
    # What the person who decided wrote, in both languages, comes with this one.
    Reason.OTHER: Explanation(
        N_("Nous n'avons pas pu accepter votre demande telle quelle."),
        N_("Lisez le mot de la personne qui l'a regardée, puis répondez à ce courriel si vous avez une question."),
    ),
}


def needed(field: str, language: str, *, optional: bool = False) -> str:
    """What will work in this field of a form."""
    return gettext(language)(NUMBER_IF_ANY if optional and field == "number" else FIELDS[field])


def why_not(reason: Reason, language: str) -> Explanation:
    translate = gettext(language)
    said = REASONS[reason]
    return Explanation(translate(said.reason), translate(said.remedy))
