"""What a form of the booth says is chosen: the answers of this ballot, as many as it allows, or blank in so many words.

Only a page without scripts sends it; a browser that seals its own vote applies the same rule (api/static/booth.js).
"""

from collections.abc import Collection, Sequence

from portal.rules.refusals import Refusal

# What the field of a form holds for a blank vote: a word, so that nobody votes blank by leaving something out. All that
# such a field may hold has one width, and a form that was read again has as many fields whatever was chosen: the length
# of what a browser sends says nothing of it.
BLANK = "blank"
_UNUSED = "-" * len(BLANK)


def value_of(option: int) -> str:
    """What the field of a form holds for an option."""
    return f"{option:0{len(BLANK)}}"


def padded(values: Sequence[str], *, most: int) -> list[str]:
    """The fields of a form that was read again: as many as may be chosen."""
    return [*values, *[_UNUSED] * (most - len(values))]


def chosen_in(values: Sequence[str], *, options: Collection[int], most: int) -> tuple[int, ...] | Refusal:
    """The options chosen, in ascending order, none for a blank vote; or why this is no vote in this ballot."""
    values = [value for value in values if value != _UNUSED]
    if not values:
        return Refusal.NOTHING_CHOSEN
    if list(values) == [BLANK]:
        return ()
    # Each as our form writes it: no sign, no space, no other digits.
    known = {value_of(option): option for option in options}
    if len(set(values)) != len(values) or any(value not in known and value != BLANK for value in values):
        return Refusal.CHOICE_UNKNOWN
    if BLANK in values:
        return Refusal.BLANK_AND_MORE
    if len(values) > most:
        return Refusal.TOO_MANY_CHOICES
    return tuple(sorted(known[value] for value in values))
