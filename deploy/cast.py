"""The two hundred members of the demo: who stands where, drawn once and always the same."""

import random
from dataclasses import dataclass, replace
from enum import StrEnum

from deploy.people import Name, everybody
from portal.rules.members import Standing

SIZE = 200
STAFF_DOMAIN = "acep.example"
# Any number would do; this is the year in which Molière played his last part.
_SEED = 1673


class State(StrEnum):
    """How far a member has come when the demo begins."""

    NEW = "has never signed in"
    EMAIL = "has signed in, address not verified"
    IDENTITY = "address verified, no documents yet"
    WAITING = "documents under review, not registered for all votes"
    REVIEW = "documents under review, registered provisionally for all votes"
    REJECTED = "documents rejected, another picture awaited"
    REFUSED = "documents refused by two reviewers, may appeal"
    APPEAL = "documents refused, an appeal under review, registered provisionally for all votes"
    APPROVED = "identity approved and pictures erased, not registered for all votes"
    DONE = "registered for all votes"


UNDER_REVIEW = frozenset({State.WAITING, State.REVIEW, State.APPEAL})
DECIDED = frozenset({State.REJECTED, State.APPROVED, State.DONE})
# How many of the two hundred, the named ones included; the rest has never signed in.
CROWD = {
    State.EMAIL: 22,
    State.IDENTITY: 24,
    State.WAITING: 5,
    State.REVIEW: 9,
    State.REJECTED: 10,
    State.REFUSED: 1,
    State.APPEAL: 1,
    State.APPROVED: 14,
    State.DONE: 44,
}
DUES_PAYERS = 9
WITHOUT_ADDRESS = 6


@dataclass(frozen=True)
class Home:
    street: str
    city: str
    province: str
    postal_code: str


@dataclass(frozen=True)
class Person:
    """One line of the roll, and how far this member has come."""

    name: Name
    number: str
    group: str
    state: State
    home: Home
    standing: Standing = Standing.MEMBER
    has_email: bool = True
    # Only the people whose account is printed have a password that anybody knows.
    password: str | None = None
    old_password: bool = False

    @property
    def email(self) -> str | None:
        return self.name.email if self.has_email else None


@dataclass(frozen=True)
class Staff:
    role: str
    email: str
    password: str


STAFF = (
    Staff("reviewer", f"verification@{STAFF_DOMAIN}", "les precieuses ridicules 1659"),
    # A refusal takes two, an appeal a third.
    Staff("reviewer", f"verification-2@{STAFF_DOMAIN}", "le medecin malgre lui 1666"),
    Staff("reviewer", f"verification-3@{STAFF_DOMAIN}", "monsieur de pourceaugnac 1669"),
    Staff("operator", f"exploitation@{STAFF_DOMAIN}", "les fourberies de scapin 1671"),
    Staff("officer", f"scrutin@{STAFF_DOMAIN}", "les femmes savantes 1672"),
    # A vote is opened, moved, cancelled and counted by two; the third is there when one of them is not.
    Staff("officer", f"greffe@{STAFF_DOMAIN}", "la comtesse d'Escarbagnas 1671"),
    Staff("officer", f"depouillement@{STAFF_DOMAIN}", "le mariage force, comedie 1664"),
    Staff("auditor", f"audit@{STAFF_DOMAIN}", "le misanthrope et Celimene 1666"),
)


@dataclass(frozen=True)
class KeyHolder:
    """An officer as one of the three of whom any two open the votes."""

    code: str
    email: str
    passphrase: str

    @property
    def key_file(self) -> str:
        return f"{self.code}.key.pem"

    @property
    def passphrase_file(self) -> str:
        return f"{self.code}.passphrase"


_PASSPHRASES = ("le grand mechant bulletin 1670", "la cassette enterree au jardin", "trois clefs pour une urne 1668")
KEY_HOLDERS = tuple(
    KeyHolder(f"officer-{at}", staff.email, passphrase)
    for at, (staff, passphrase) in enumerate(
        zip((staff for staff in STAFF if staff.role == "officer"), _PASSPHRASES, strict=True), start=1
    )
)

MOLIERE = Name("Jean-Baptiste", "Poquelin dit Molière", "fr", alias="moliere")

# name, group, state, password (without accents: every keyboard can type it)
_NAMED = (
    (MOLIERE, "EC", State.NEW, None),
    (Name("Susanna", "Moodie", "en"), "TR", State.NEW, None),
    (Name("Marguerite", "Bourgeoys", "fr"), "BdP", State.NEW, None),
    (Name("Louis", "Hébert", "fr"), "EC", State.EMAIL, "premier colon a Quebec 1617"),
    (Name("Monsieur", "Jourdain", "fr"), "EC", State.IDENTITY, "le bourgeois gentilhomme 1670"),
    (Name("Anne", "Shirley", "en"), "TR", State.IDENTITY, "the gables were green in 1908"),
    (Name("Maria", "Chapdelaine", "fr"), "BdP", State.WAITING, "Peribonka sous la neige 1913"),
    (Name("Argan", "Lemalade", "fr"), "EC", State.REVIEW, "le malade imaginaire 1673"),
    (Name("Gilbert", "Blythe", "en"), "EC", State.REJECTED, "carrots and a broken slate 1908"),
    (Name("Tartuffe", "L’Imposteur", "fr"), "EC", State.REFUSED, "le pauvre homme, disait-il 1664"),
    (Name("Agnès", "De la Souche", "fr"), "EC", State.APPEAL, "l'ecole des femmes et le petit chat 1662"),
    (Name("Jeanne", "Mance", "fr"), "TR", State.APPROVED, "hotel-dieu de Ville-Marie 1645"),
    (Name("Duddy", "Kravitz", "en"), "BdP", State.DONE, "a man without land is nobody 1959"),
)

_STREETS = (
    "rue du Théâtre", "rue Principale", "boulevard de la Comédie", "rue des Fourberies", "chemin de l’Étoile",
    "rue de la Savonnerie", "avenue du Parterre", "rue du Rideau-Rouge", "rue de la Chandelle",
    "chemin du Portage",
)  # fmt: skip
_CITIES = (
    ("Gatineau", "QC", "J8X"), ("Ottawa", "ON", "K1A"), ("Montréal", "QC", "H2X"), ("Québec", "QC", "G1R"),
    ("Gatineau", "QC", "J8Y"), ("Ottawa", "ON", "K1P"), ("Halifax", "NS", "B3H"), ("Winnipeg", "MB", "R2H"),
    ("Ottawa", "ON", "K2P"), ("Moncton", "NB", "E1C"), ("Toronto", "ON", "M5V"), ("Victoria", "BC", "V8W"),
)  # fmt: skip


def cast() -> list[Person]:
    """Everybody on the roll; the named ones come first."""
    chance = random.Random(_SEED)
    people = _named(chance)
    known = {person.name.email for person in people}
    numbers = [str(number) for number in chance.sample(range(900_100, 1_000_000), SIZE)]
    names = [name for name in everybody() if name.email not in known][: SIZE - len(people)]
    states = _states_left(people)
    chance.shuffle(states)
    for name, number, state in zip(names, numbers, states, strict=False):
        group = chance.choices(("EC", "TR", "BdP"), (62, 28, 10))[0]
        people.append(Person(name, number, group, state, _home(chance)))
    assert len(people) == SIZE, "there are names enough"
    return _with_exceptions(people, chance)


def _named(chance: random.Random) -> list[Person]:
    people = [
        Person(name, f"9000{at:02}", group, state, _home(chance), password=password)
        for at, (name, group, state, password) in enumerate(_NAMED, start=1)
    ]
    at = len(people)
    return [
        *people,
        Person(
            Name("Alceste", "Misanthrope", "fr"), f"9000{at + 1:02}", "EC", State.NEW, _home(chance),
            password="atrabilaire amoureux 1666", old_password=True,
        ),
        Person(
            Name("Harpagon", "L’Avare", "fr"), f"9000{at + 2:02}", "EC", State.EMAIL, _home(chance),
            standing=Standing.DUES_PAYER, password="rendez-moi ma cassette 1668",
        ),
    ]  # fmt: skip


def _states_left(named: list[Person]) -> list[State]:
    left = dict(CROWD)
    for person in named:
        if person.state is not State.NEW:
            left[person.state] -= 1
    states = [state for state, count in left.items() for _ in range(count)]
    return states + [State.NEW] * (SIZE - len(named) - len(states))


def _with_exceptions(people: list[Person], chance: random.Random) -> list[Person]:
    """Some pay dues without being members, some have no address that the union knows of."""
    newcomers = [at for at, p in enumerate(people) if p.state is State.NEW and p.number > "900100"]
    chosen = chance.sample(newcomers, DUES_PAYERS - 1 + WITHOUT_ADDRESS)
    for at in chosen[: DUES_PAYERS - 1]:
        people[at] = replace(people[at], standing=Standing.DUES_PAYER)
    for at in chosen[DUES_PAYERS - 1 :]:
        people[at] = replace(people[at], has_email=False)
    return people


def _home(chance: random.Random) -> Home:
    city, province, district = chance.choice(_CITIES)
    letters = "ABCEGHJKLMNPRSTVWXYZ"
    end = f"{chance.randint(1, 9)}{chance.choice(letters)}{chance.randint(1, 9)}"
    return Home(f"{chance.randint(1, 999)}, {chance.choice(_STREETS)}", city, province, f"{district} {end}")
