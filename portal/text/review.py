"""Words of the review desk: what a comparison found, and how urgent a case is."""

from portal.rules.comparison import Field, Hint, Outcome
from portal.rules.queue import Risk
from portal.text.catalogues import N_, gettext

FIELDS = {
    Field.NAME: N_("Nom"),
    Field.STREET: N_("Numéro, rue et appartement"),
    Field.CITY: N_("Ville"),
    Field.POSTAL_CODE: N_("Code postal"),
}

OUTCOMES = {
    Outcome.SAME: N_("Identique"),
    Outcome.DIFFERS: N_("Différent"),
    Outcome.MISSING: N_("Non lu"),
}

HINTS = {
    Hint.MIDDLE_NAMES: N_("Un prénom de plus d'un côté ; le premier prénom et le nom sont les mêmes."),
    Hint.HOUSE_NUMBER: N_("Le numéro n'est pas le même."),
    Hint.UNIT: N_("L'appartement n'est pas le même, ou manque d'un côté."),
    Hint.STREET_KIND: N_("Le type de rue n'est pas le même, ou manque d'un côté."),
    Hint.DIRECTION: N_("Le point cardinal n'est pas le même, ou manque d'un côté."),
    Hint.LETTER_OR_DIGIT: N_("Une lettre d'un côté, un chiffre de l'autre : O et 0, I et 1 se ressemblent."),
}

RISKS = {
    Risk.NONE: N_("À temps"),
    Risk.PACE: N_("Trop tard au rythme actuel"),
    Risk.SOON: N_("Moins de 72 heures"),
}


def field(code: Field, language: str) -> str:
    return gettext(language)(FIELDS[code])


def outcome(code: Outcome, language: str) -> str:
    return gettext(language)(OUTCOMES[code])


def hint(code: Hint | None, language: str) -> str:
    return "" if code is None else gettext(language)(HINTS[code])


def risk(code: Risk, language: str) -> str:
    return gettext(language)(RISKS[code])
