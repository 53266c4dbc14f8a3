"""Words of the roll: what is wrong with a line and how to put it right, what an import changes, what to look at."""

from portal.rules.roll import Change, Doubt, ImportStatus, Kind, Problem, Trouble
from portal.text.catalogues import N_, gettext

# The columns as our own model file names them.
COLUMNS: dict[str, str] = {
    "number": N_("Numéro de membre"),
    "given_name": N_("Prénom"),
    "family_name": N_("Nom de famille"),
    "email": N_("Courriel"),
    "street": N_("Adresse"),
    "city": N_("Ville"),
    "province": N_("Province"),
    "postal_code": N_("Code postal"),
    "group": N_("Groupe"),
    "standing": N_("Statut"),
    "language": N_("Langue"),
}

TROUBLES: dict[Trouble, str] = {
    Trouble.EMPTY: N_("Ce fichier est vide : exportez la liste de nouveau."),
    Trouble.TOO_HEAVY: N_("Ce fichier dépasse 20 Mo : ce n'est pas une liste de membres, ou elle contient trop."),
    Trouble.WORKBOOK: N_("C'est un classeur : dans le tableur, enregistrez-le au format « CSV UTF-8 »."),
    Trouble.BINARY: N_("Ce fichier n'est pas du texte : exportez la liste au format « CSV UTF-8 »."),
    Trouble.UTF_16: N_("Ce texte est en UTF-16 : enregistrez-le au format « CSV UTF-8 »."),
    Trouble.NOT_UTF_8: N_(
        "Un caractère de cette ligne n'est pas en UTF-8, sans doute un accent d'un ancien format : enregistrez le fichier "
        "au format « CSV UTF-8 »."
    ),
    Trouble.NO_HEADER: N_(
        "La première ligne doit nommer les colonnes, séparées par des virgules ou des points-virgules : partez du modèle."
    ),
    Trouble.COLUMN_MISSING: N_("Il manque la colonne « %(column)s » : ajoutez-la, même si elle est vide par endroits."),
    Trouble.COLUMN_TWICE: N_("La colonne « %(column)s » est là deux fois : n'en gardez qu'une."),
    Trouble.NO_LINES: N_("Il n'y a personne dans ce fichier : exportez la liste de nouveau."),
    Trouble.TOO_MANY_LINES: N_("Il y a plus de 100 000 lignes : vérifiez que c'est la bonne liste."),
    Trouble.QUOTES: N_(
        "Un guillemet s'ouvre ici et ne se ferme pas, ou n'est pas doublé à l'intérieur d'un texte ; la suite du fichier "
        "n'a pas pu être lue."
    ),
    Trouble.FIELDS_MISSING: N_("Il y a moins de valeurs que de colonnes : complétez la ligne."),
    Trouble.FIELDS_LEFT_OVER: N_("Il y a plus de valeurs que de colonnes : mettez entre guillemets le texte qui contient un point-virgule."),
    Trouble.COMMA_UNQUOTED: N_(
        "Il y a plus de valeurs que de colonnes : un nom ou une adresse qui contient une virgule doit être entre guillemets."
    ),
    Trouble.FIELD_EMPTY: N_("%(column)s : rien n'est écrit, et il le faut."),
    Trouble.CONTROL_CHARACTER: N_("%(column)s : il y a un caractère invisible ; retapez la valeur."),
    Trouble.TOO_LONG: N_("%(column)s : c'est trop long ; vérifiez que les colonnes ne sont pas décalées."),
    Trouble.NUMBER_WRONG: N_("%(column)s : il faut 6 chiffres, dont le premier est un 9."),
    Trouble.NUMBER_TWICE: N_("%(column)s : c'est le même qu'à la ligne %(other)s ; chaque personne a le sien."),
    Trouble.EMAIL_WRONG: N_("%(column)s : cette adresse est incomplète ou contient un accent ; corrigez-la ou laissez vide."),
    Trouble.EMAIL_TWICE: N_("%(column)s : c'est le même qu'à la ligne %(other)s ; chaque personne a le sien."),
    Trouble.POSTAL_CODE_WRONG: N_("%(column)s : ce n'est pas un code postal canadien, comme K1A 0B1."),
    Trouble.PROVINCE_UNKNOWN: N_("%(column)s : écrivez le code à deux lettres, comme QC ou ON, ou le nom entier."),
    Trouble.GROUP_UNKNOWN: N_("%(column)s : écrivez EC, TR ou BdP."),
    Trouble.STANDING_UNKNOWN: N_("%(column)s : écrivez « membre » ou « cotisant »."),
    Trouble.LANGUAGE_UNKNOWN: N_("%(column)s : écrivez « fr » ou « en »."),
}  # fmt: skip

KINDS: dict[Kind, str] = {
    Kind.NEW: N_("Nouvelle"),
    Kind.CHANGED: N_("Modifiée"),
    Kind.GONE: N_("Retirée"),
    Kind.BACK: N_("Revenue"),
    Kind.SAME: N_("Inchangée"),
}

CHANGES: dict[Change, str] = {
    Change.NAME: N_("nom"),
    Change.ADDRESS: N_("adresse"),
    Change.GROUP: N_("groupe"),
    Change.STANDING: N_("statut"),
    Change.LANGUAGE: N_("langue"),
    Change.EMAIL: N_("courriel"),
}

DOUBTS: dict[Doubt, str] = {
    Doubt.MANY_GONE: N_("Beaucoup de personnes partent d'un coup : le fichier est-il complet ?"),
    Doubt.GROUP_MOVED: N_("Change de groupe pendant que l'inscription est ouverte : ses votes ne seront plus les mêmes."),
    Doubt.SAME_PERSON: N_("Même nom et même adresse qu'une autre personne de la liste, sous un autre numéro."),
    Doubt.NAME_AND_ADDRESS: N_("Change de nom et d'adresse à la fois : est-ce la même personne ?"),
    Doubt.EMAIL_KEPT: N_("Courriel laissé tel quel : cette personne se sert d'une autre adresse sur le portail."),
    Doubt.EMAIL_TAKEN: N_("Courriel laissé tel quel : cette adresse sert à une autre personne."),
}  # fmt: skip

OVERTAKEN = N_("Pas appliqué en entier : le registre avait changé entre-temps.")

STATUSES: dict[ImportStatus, str] = {
    ImportStatus.FAULTY: N_("À corriger"),
    ImportStatus.DRAFT: N_("À confirmer"),
    ImportStatus.PROPOSED: N_("Attend une deuxième personne"),
    ImportStatus.CONFIRMED: N_("En cours"),
    ImportStatus.DONE: N_("Terminé"),
    ImportStatus.ABANDONED: N_("Abandonné"),
}


def column_name(column: str, language: str) -> str:
    return gettext(language)(COLUMNS[column])


def problem(one: Problem, language: str) -> str:
    """What is wrong, and what to do about it."""
    column = column_name(one.column, language) if one.column else ""
    return gettext(language)(TROUBLES[one.trouble]) % {"column": column, "other": one.other}


def kind_name(kind: Kind, language: str) -> str:
    return gettext(language)(KINDS[kind])


def change_names(changes: list[Change], language: str) -> str:
    return ", ".join(gettext(language)(CHANGES[change]) for change in changes)


def doubt_name(doubt: Doubt, language: str) -> str:
    return gettext(language)(DOUBTS[doubt])


def status_name(status: ImportStatus, language: str) -> str:
    return gettext(language)(STATUSES[status])
