"""What a ceremony says, in both languages at once: officers and witnesses read one screen."""

from enum import StrEnum

from portal.rules.ceremony import Fault, Wrong
from portal.text.catalogues import LANGUAGES, N_, gettext, nbsp

FAULTS: dict[Fault, str] = {
    Fault.NOT_THERE: N_("%(file)s : il n'y a pas de fichier de ce nom."),
    Fault.UNREADABLE: N_("%(file)s : ce fichier ne se lit pas (%(why)s)."),
    Fault.THERE_ALREADY: N_("%(file)s existe déjà : rien n'est écrit par-dessus ; choisissez un autre nom ou un dossier vide."),
    Fault.NOT_WRITTEN: N_("%(file)s : l'écriture a échoué (%(why)s) ; vérifiez la clé USB et recommencez."),
    Fault.DAMAGED: N_(
        "%(file)s n'est pas tel qu'il a été écrit : il est tronqué, ou un octet a changé ; prenez l'autre copie."
    ),
    Fault.ANOTHER_FORMAT: N_("%(file)s n'est pas le fichier attendu : il faut « %(wanted)s », c'est « %(found)s »."),
    Fault.FIELD_WRONG: N_("%(file)s : « %(field)s » manque, est en trop ou n'est pas ce que dit le format."),
    Fault.CODE_WRONG: N_("« %(code)s » ne peut pas servir de code : des minuscules, des chiffres et des traits d'union."),
    Fault.NOT_KEYS: N_("%(file)s n'est pas un fichier de clés : il contient deux clés privées protégées."),
    Fault.PASSPHRASE_WRONG: N_("%(file)s : la phrase secrète n'est pas la bonne, ou le fichier est abîmé."),
    Fault.PASSPHRASE_SHORT: N_("Cette phrase secrète est trop courte : il faut au moins %(least)s caractères."),
    Fault.PASSPHRASE_LONG: N_("Cette phrase secrète est trop longue : %(most)s octets au plus."),
    Fault.PASSPHRASES_DIFFER: N_("Les deux phrases secrètes ne sont pas les mêmes : recommencez."),
    Fault.PASSPHRASES_MISCOUNTED: N_("Il faut un --passphrase-file par --officer, dans le même ordre, ou aucun."),
    Fault.NOT_THREE: N_("Il faut trois responsables, ni plus ni moins : il y en a %(count)s."),
    Fault.NOT_TWO: N_("Il faut deux responsables : il y en a %(count)s."),
    Fault.OFFICER_TWICE: N_("« %(code)s » est là deux fois : il faut des personnes différentes."),
    Fault.KEY_TWICE: N_("Deux responsables ont la même clé : chaque personne fait les siennes."),
    Fault.NOT_A_TRUSTEE: N_("%(file)s : ces clés ne sont celles d'aucun des trois responsables de ce scrutin."),
    Fault.OTHER_ELECTION: N_("%(file)s appartient à un autre scrutin (%(campaign)s) ou à une autre clé."),
    Fault.SHARE_DAMAGED: N_(
        "La part de %(pair)s ne s'ouvre pas : elle est abîmée ; prenez l'autre copie, ou deux autres responsables."
    ),
    Fault.DEFINITION_CHANGED: N_("%(file)s, « %(ballot)s » : le texte de la question n'est pas celui de son empreinte."),
    Fault.DEFINITION_FOREIGN: N_("%(file)s, « %(ballot)s » : cette question est celle d'un autre vote."),
    Fault.BALLOTS_UNSORTED: N_("%(file)s, « %(ballot)s » : les votes ne sont pas dans l'ordre de leurs codes."),
    Fault.BALLOT_TWICE: N_("%(file)s : un vote y est deux fois."),
    Fault.VOTE_TWICE: N_("%(file)s, « %(ballot)s » : un bulletin scellé y est deux fois."),
    Fault.VOTES_UNSORTED: N_("%(file)s, « %(ballot)s » : les bulletins scellés ne sont pas dans l'ordre de leurs empreintes."),
    Fault.LIST_CHANGED: N_("%(file)s, « %(ballot)s » : un bulletin scellé manque, est de trop ou a changé."),
    Fault.SIGNATURE_WRONG: N_("%(file)s : cette signature n'est pas de « %(code)s », ou le fichier signé a changé."),
    Fault.SIGNATURE_OF_ANOTHER: N_("%(file)s : « %(code)s » a signé autre chose que ce fichier."),
    Fault.SIGNATURES_MISSING: N_("Il faut les signatures de deux responsables différents : il y en a %(count)s."),
    Fault.CONNECTED: N_(
        "Cet ordinateur est relié à un réseau (%(names)s) : éteignez le Wi-Fi, débranchez le câble, puis "
        "« ip link set NOM down ». Rien n'a été fait."
    ),
    Fault.MACHINE_UNKNOWN: N_("Impossible de savoir si cet ordinateur est relié à un réseau (%(folder)s) : rien n'a été fait."),
    Fault.TOO_EARLY: N_(
        "C'est trop tôt : la clé se garde jusqu'au %(until)s, et l'horloge de cet ordinateur dit "
        "%(now)s. Rien n'a été détruit."
    ),
    Fault.PERIOD_SHORT: N_("%(file)s : il faut au moins quinze jours entre les résultats et la destruction. Rien n'a été détruit."),
    Fault.HELD: N_("Le vote est contesté : tout doit être gardé jusqu'à ce que ce soit fini. Rien n'a été détruit."),
    Fault.COPY_TWICE: N_("%(file)s est nommé deux fois : nommez chaque copie une fois. Rien n'a été détruit."),
    Fault.NOT_OURS: N_("%(file)s n'est pas d'un scrutin publié ici : les deux clés diffèrent. Rien n'a été détruit."),
}  # fmt: skip


class Said(StrEnum):
    REHEARSAL = "rehearsal"
    OFFICER_MADE = "officer-made"
    ELECTION_MADE = "election-made"
    FINGERPRINT = "fingerprint"
    OFFICERS_PRINT = "officers-print"
    TRIED = "tried"
    SIGNED = "signed"
    BALLOT = "ballot"
    MORE_VOTES = "more-votes"
    URN_WHOLE = "urn-whole"
    RESULT_WHOLE = "result-whole"
    RECORD_WHOLE = "record-whole"
    SIGNED_BY = "signed-by"
    UNSIGNED = "unsigned"
    COUNTING = "counting"
    COUNTED = "counted"
    INVALID = "invalid"
    DESTROYED = "destroyed"
    PASSPHRASE = "passphrase"  # noqa: S105 - what it is asked with
    AGAIN = "again"


SAID: dict[Said, str] = {
    Said.REHEARSAL: N_("*** RÉPÉTITION *** : cet ordinateur peut être relié à un réseau. Jamais pour un vrai scrutin."),
    Said.OFFICER_MADE: N_("%(private)s : vos clés ; ce fichier ne quitte pas votre clé USB. %(public)s : à remettre aux autres."),
    Said.ELECTION_MADE: N_("%(election)s : à téléverser sur le portail. %(shares)s : sur deux clés USB, gardées à deux endroits."),
    Said.FINGERPRINT: N_("Empreinte de la clé, à lire à voix haute : %(fingerprint)s"),
    Said.OFFICERS_PRINT: N_("Empreinte des clés de « %(code)s », à comparer avec les siennes : %(fingerprint)s"),
    Said.TRIED: N_("%(pair)s : ces deux responsables ouvrent la clé du scrutin « %(campaign)s ». Rien n'a été écrit."),
    Said.SIGNED: N_("%(file)s : signé par « %(code)s », empreinte %(sha256)s."),
    Said.BALLOT: N_(
        "« %(ballot)s » : %(votes)s bulletins, %(electors)s personnes au registre, %(on_paper)s par la poste, "
        "%(set_aside)s mis de côté"
    ),
    Said.MORE_VOTES: N_("ATTENTION, « %(ballot)s » : il y a plus de bulletins que de personnes. Ne comptez pas sans explication."),
    Said.URN_WHOLE: N_("%(file)s : urne entière, scrutin « %(campaign)s », empreinte du bordereau %(sha256)s"),
    Said.RESULT_WHOLE: N_("%(file)s : résultat entier, scrutin « %(campaign)s », empreinte %(sha256)s"),
    Said.RECORD_WHOLE: N_("%(file)s : procès-verbal de destruction entier, scrutin « %(campaign)s », empreinte %(sha256)s"),
    Said.SIGNED_BY: N_("Signatures vérifiées : %(codes)s"),
    Said.UNSIGNED: N_("Aucune signature n'a été vérifiée : donnez --election et --signatures."),
    Said.COUNTING: N_("« %(ballot)s » : dépouillement de %(votes)s bulletins…"),
    Said.COUNTED: N_("%(file)s : dépouillé, empreinte %(sha256)s. L'autre programme doit donner la même."),
    Said.INVALID: N_("Bulletins nuls, « %(ballot)s » : %(invalid)s."),
    Said.DESTROYED: N_("Copies détruites : %(count)s. %(file)s : procès-verbal, à signer par deux responsables."),
    Said.PASSPHRASE: N_("Phrase secrète de %(file)s"),
    Said.AGAIN: N_("La même, encore une fois"),
}  # fmt: skip


def fault(error: Wrong, language: str) -> str:
    return nbsp(gettext(language)(FAULTS[error.fault]) % error.where, language)


def said(what: Said, language: str, **where: str | int) -> str:
    return nbsp(gettext(language)(SAID[what]) % where, language)


def fault_in_both(error: Wrong) -> str:
    return "\n".join(fault(error, language) for language in LANGUAGES)


def in_both(what: Said, **where: str | int) -> str:
    return "\n".join(said(what, language, **where) for language in LANGUAGES)
