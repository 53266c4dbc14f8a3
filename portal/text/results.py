"""What a result says, in words."""

from collections.abc import Mapping, Sequence

from portal.rules.counting import Counted, Outcome, Why
from portal.rules.votes import Majority
from portal.text.catalogues import N_, gettext
from portal.text.catalogues import ngettext as plural_of

_NOT_ADOPTED: dict[Why | None, str] = {
    Why.TIE: N_("Non adopté : autant de oui que de non, et il faut plus de oui que de non."),
    Why.TWO_THIRDS: N_("Non adopté : il fallait les deux tiers de oui parmi les oui et les non."),
    Why.MORE_NO: N_("Non adopté : plus de non que de oui."),
    None: N_("Non adopté."),
}
_ADOPTED: dict[Majority, str] = {
    Majority.HALF: N_("Adopté : plus de oui que de non."),
    Majority.TWO_THIRDS: N_("Adopté : au moins les deux tiers de oui parmi les oui et les non."),
}
_ADOPTED_SMALL = N_("Adopté.")
_NO_QUORUM = N_("Sans effet : le quorum de %(percent)s %% des électrices et électeurs n'est pas atteint.")
_NO_QUORUM_KNOWN = N_("Sans effet : le quorum n'est pas atteint.")
_NOBODY = N_("Personne n'est élu.")


def outcome(
    counted: Counted, majority: Majority, quorum_percent: int | None, labels: Mapping[int, str], language: str
) -> str:
    """The outcome of one ballot. Of a small one nothing that tells the split."""
    translate = gettext(language)
    match counted.outcome:
        case Outcome.ADOPTED:
            return translate(_ADOPTED_SMALL if counted.small else _ADOPTED[majority])
        case Outcome.NOT_ADOPTED:
            return translate(_NOT_ADOPTED[counted.why_not(majority)])
        case Outcome.NO_QUORUM if quorum_percent is not None:
            return translate(_NO_QUORUM) % {"percent": quorum_percent}
        case Outcome.NO_QUORUM:
            return translate(_NO_QUORUM_KNOWN)
        case Outcome.ELECTED:
            return _elected(counted, labels, language)


def _elected(counted: Counted, labels: Mapping[int, str], language: str) -> str:
    # By this name, or the catalogues would not find what it says.
    translate, ngettext = gettext(language), plural_of(language)
    said = [translate(_NOBODY)] if not counted.elected and not counted.tied else []
    if counted.elected:
        names = _names(counted.elected, labels)
        count = len(counted.elected)
        said.append(ngettext("Élu ou élue : %(names)s.", "Élus ou élues : %(names)s.", count) % {"names": names})
    if counted.tied:
        said.append(
            translate(N_("À égalité pour le dernier siège, à départager par tirage au sort : %(names)s."))
            % {"names": _names(counted.tied, labels)}
        )
    return " ".join(said)


def _names(options: Sequence[int], labels: Mapping[int, str]) -> str:
    return ", ".join(labels.get(option, str(option)) for option in options)
