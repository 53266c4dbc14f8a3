"""Words of staff accounts and of the journal, as officers and auditors read them."""

from portal.rules.accounts import Role
from portal.text.catalogues import N_, gettext
from portal.text.trail import ACTIONS, OTHER_ACTION, more_of

ROLES: dict[Role, str] = {
    Role.REVIEWER: N_("Examen des pièces d'identité"),
    Role.OPERATOR: N_("Exploitation du portail"),
    Role.OFFICER: N_("Responsable du scrutin"),
    Role.AUDITOR: N_("Vérification (lecture seulement)"),
}

# To a member the trail says «vous»: here it speaks of them.
_ACTIONS_OF_OTHERS = {
    "case-opened": N_("Dossier pris en main pour l'examen"),
    "data-downloaded": N_("Données téléchargées par leur propriétaire"),
    "decided": N_("Décision prise sur une pièce d'identité"),
    "picture-seen": N_("Photo d'une pièce d'identité ouverte"),
    "roll-consulted": N_("Fiche du registre comparée à une demande faite sur le portail"),
}
_ACTORS = {
    "member": N_("Membre"),
    "reviewer": N_("Équipe d'examen"),
    "operator": N_("Exploitation"),
    "officer": N_("Responsable du scrutin"),
    "auditor": N_("Vérification"),
    "staff": N_("Personnel"),
    "shell": N_("Ligne de commande"),
    "system": N_("Portail"),
    "unknown": N_("Personne non connectée"),
}
# Whose account an entry was written by is said of these: of members never.
STAFF_ACTORS = frozenset({"reviewer", "operator", "officer", "auditor", "staff"})


def role_name(role: Role, language: str) -> str:
    return gettext(language)(ROLES[role])


def action_name(action: str, language: str) -> str:
    words = _ACTIONS_OF_OTHERS.get(action) or ACTIONS.get(action, OTHER_ACTION)
    return gettext(language)(words)


def actor_name(actor: str, language: str) -> str:
    return gettext(language)(_ACTORS.get(actor, _ACTORS["staff"]))


def code_words(action: str, code: str | None, language: str) -> str:
    """What more an entry says: in words where there are some, else the code itself, which names nobody."""
    if action in ("staff-role-given", "staff-role-taken") and code in set(Role):
        return role_name(Role(code), language)
    return more_of(action, code or "", language) or (code or "")


def action_choices(language: str) -> list[tuple[str, str]]:
    """Every action there is, in the order of its words."""
    return sorted(((code, action_name(code, language)) for code in ACTIONS), key=lambda pair: pair[1].casefold())
