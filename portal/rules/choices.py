"""What a form of the booth says is chosen: the answers of this ballot, as many as it allows, or blank in so many words.

Only a page without scripts sends it; a browser that seals its own vote applies the same rule (api/static/booth.js).
"""

from collections.abc import Collection, Sequence

from portal.rules.refusals import Refusal

# What the field of a form holds for a blank vote: a word, so that nobody votes blank by leaving something out.
BLANK = "blank"


def chosen_in(values: Sequence[str], *, options: Collection[int], most: int) -> tuple[int, ...] | Refusal:
    """The options chosen, in ascending order, none for a blank vote; or why this is no vote in this ballot."""
    if not values:
        return Refusal.NOTHING_CHOSEN
    if list(values) == [BLANK]:
        return ()
    # Each as our form writes it: no sign, no space, no other digits.
    known = {str(option): option for option in options}
    if len(set(values)) != len(values) or any(value not in known and value != BLANK for value in values):
        return Refusal.CHOICE_UNKNOWN
    if BLANK in values:
        return Refusal.BLANK_AND_MORE
    if len(values) > most:
        return Refusal.TOO_MANY_CHOICES
    return tuple(sorted(known[value] for value in values))
