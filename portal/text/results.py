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
_ONLINE_ONLY = N_("Votes en ligne seulement.")


def outcome(
    counted: Counted, majority: Majority, quorum_percent: int | None, seats: int, labels: Mapping[int, str],
    language: str, *, on_paper: bool,
) -> str:  # fmt: skip
    """The outcome of one ballot, and whether there are votes on paper, none of which is in it."""
    said = _outcome(counted, majority, quorum_percent, seats, labels, language)
    return f"{said} {gettext(language)(_ONLINE_ONLY)}" if on_paper else said


def _outcome(
    counted: Counted, majority: Majority, quorum_percent: int | None, seats: int, labels: Mapping[int, str],
    language: str,
) -> str:  # fmt: skip
    """Of a small ballot nothing that tells the split."""
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
            return _elected(counted, seats, labels, language)


def _elected(counted: Counted, seats: int, labels: Mapping[int, str], language: str) -> str:
    # By this name, or the catalogues would not find what it says.
    translate, ngettext = gettext(language), plural_of(language)
    said = [translate(_NOBODY)] if not counted.elected and not counted.tied else []
    if counted.elected:
        names = _names(counted.elected, labels)
        count = len(counted.elected)
        said.append(ngettext("Élu ou élue : %(names)s.", "Élus ou élues : %(names)s.", count) % {"names": names})
    if counted.tied:
        left = seats - len(counted.elected)
        said.append(
            ngettext(
                "À égalité pour le dernier siège, à départager par tirage au sort : %(names)s.",
                "À égalité pour %(count)s sièges, à départager par tirage au sort : %(names)s.", left,
            )
            % {"names": _names(counted.tied, labels), "count": left}
        )  # fmt: skip
    return " ".join(said)


def _names(options: Sequence[int], labels: Mapping[int, str]) -> str:
    return ", ".join(labels.get(option, str(option)) for option in options)
