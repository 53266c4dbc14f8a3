"""How names and addresses are spelled on papers: one form for what a reader takes to be the same word."""

import re
from unicodedata import combining, normalize

_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
# Written as part of the word or not at all: O'Brien, OBrien.
_WITHIN = re.compile(r"['’‘ʼ`´.\u00ad\u200b]")
_BETWEEN = re.compile(r"[\W_]+")


def bare(words: str) -> str:
    """Small letters without accents; signs stay."""
    # Twice: some capitals and signs come apart only once they are small.
    return _plain(_plain(words).casefold()).translate(_LETTERS)


def _plain(words: str) -> str:
    return "".join(c for c in normalize("NFKD", words) if not combining(c))


def tokens(words: str) -> list[str]:
    """The words and numbers, whatever stands between them."""
    return [token for token in _BETWEEN.split(bare(words)) if token]


def squeezed(words: str) -> str:
    """Letters and digits alone."""
    return "".join(tokens(words))


def units(words: str) -> list[list[str]]:
    """What stands between blanks or commas, each as its tokens: Jean-Baptiste is one, St. Pierre is two."""
    apart = (_BETWEEN.split(_WITHIN.sub(" ", bare(part))) for part in re.split(r"[\s,;]+", words))
    return [kept for part in apart if (kept := [token for token in part if token])]


_HOLY = {"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}


def holy(token: str) -> str:
    """Saint in full. In a street of English type the last «St» is none: whoever parses it has taken it off before."""
    return _HOLY.get(token, token)


# --- streets ----------------------------------------------------------------------------------------------

# One word for a kind of street in both languages and all their abbreviations.
_TYPES = {
    "rue": "rue street str st r",
    "avenue": "avenue av ave aven",
    "boulevard": "boulevard boul blvd bd bvd bl",
    "chemin": "chemin ch che chem road rd",
    "place": "place pl",
    "promenade": "promenade prom drive dr drv",
    "croissant": "croissant crois crescent cres cr",
    "terrasse": "terrasse terr terrace ter tsse",
    "cour": "cour court crt ct",
    "route": "route rte",
    "rang": "rang rg",
    "montee": "montee mtee",
    "allee": "allee all",
    "ruelle": "ruelle lane ln",
    "voie": "voie way wy",
    "carre": "carre square sq car",
    "cercle": "cercle circle cir cerc",
    "cote": "cote hill",
    "autoroute": "autoroute aut highway hwy",
    "impasse": "impasse imp",
    "sentier": "sentier sent trail trl",
    "parc": "parc park pk",
    "jardin": "jardin jard gardens gdns garden",
    "parkway": "parkway pkwy pky",
    "quai": "quai wharf",
    "concession": "concession conc",
    "ligne": "ligne line",
}
STREET_TYPES = {spelling: kind for kind, spellings in _TYPES.items() for spelling in spellings.split()}
# Too short to be believed anywhere but at the place of a type.
NEVER_FIRST = frozenset({"st", "dr", "r", "cr", "ct", "car", "all", "way", "hill", "line", "park", "parc"})

DIRECTIONS = {
    spelling: direction
    for direction, spellings in {
        "n": "n nord north", "s": "s sud south", "e": "e est east", "o": "o ouest w west",
        "ne": "ne nordest northeast", "no": "no nordouest nw northwest", "se": "se sudest southeast",
        "so": "so sudouest sw southwest",
    }.items()
    for spelling in spellings.split()
}  # fmt: skip

# Said or left out: rue du Fort, rue Fort.
ARTICLES = frozenset({"de", "du", "des", "la", "le", "les", "l", "d", "the", "of"})

_TITLES = {
    "mt": "mont",
    "mount": "mont",
    "dr": "docteur",
    "doctor": "docteur",
    "mgr": "monseigneur",
    "pres": "president",
}

_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|e|er|re|ere|eme|ieme|iere)\Z")
_COUNTED = (
    "premier premiere first", "deuxieme second seconde", "troisieme third", "quatrieme fourth", "cinquieme fifth",
    "sixieme sixth", "septieme seventh", "huitieme eighth", "neuvieme ninth", "dixieme tenth",
)  # fmt: skip
_WORDS = {word: str(n) for n, words in enumerate(_COUNTED, 1) for word in words.split()}


def street_word(token: str) -> str:
    """One word of the name of a street in full: Mont, Saint, Docteur; 5 for fifth."""
    found = _ORDINAL.match(token)
    if found is not None:
        return found[1]
    return _WORDS.get(token) or _TITLES.get(token) or holy(token)


# --- cities -----------------------------------------------------------------------------------------------

_CODES = ("ab", "bc", "mb", "nb", "nl", "ns", "nt", "nu", "on", "pe", "pei", "qc", "que", "pq", "sk", "yt")
_PROVINCES = frozenset({*_CODES, "ont", "alta", "man", "sask", "alberta", "ontario", "manitoba"})
_OF = (["ville", "de"], ["ville", "d"], ["city", "of"], ["town", "of"], ["municipalite", "de"])


def city_words(words: str) -> str:
    """The name of a place as one word, without its province and «ville de»."""
    said = tokens(words)
    while len(said) > 1 and (said[-1] in _PROVINCES or (said[-1] in ("quebec", "canada") and said[0] != said[-1])):
        said.pop()
    for start in _OF:
        if said[: len(start)] == start and len(said) > len(start):
            said = said[len(start) :]
    if said == ["quebec", "city"]:
        said.pop()
    said = [("mont" if token in ("mt", "mount") else holy(token)) for token in said]
    return "".join(DIRECTIONS.get(token, token) if len(said) > 1 and len(token) > 3 else token for token in said)
