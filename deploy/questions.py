"""The eight ballots of the campaign of February and March 2017, as the demo puts them to its members."""

from dataclasses import dataclass
from uuid import uuid4

from portal.rules.votes import Majority
from portal.store.ballots import Ballot, Candidate

TITLE_FR = "Votes de l’ACEP – février et mars 2017 (démonstration)"
TITLE_EN = "CAPE votes – February and March 2017 (demonstration)"

_EVERYBODY = ("EC", "TR", "BdP")


@dataclass(frozen=True)
class Stands:
    """Somebody who stands in an election, with their own words in both languages if they gave any."""

    name: str
    text_fr: str | None = None
    text_en: str | None = None


@dataclass(frozen=True)
class Question:
    code: str
    kind: str
    groups: tuple[str, ...]
    title_fr: str
    title_en: str
    question_fr: str
    question_en: str
    choose: int = 1
    majority: Majority = Majority.HALF
    quorum_percent: int | None = None
    candidates: tuple[Stands, ...] = ()


# None of them is on the roll: Molière wrote the first three, Lucy Maud Montgomery the last.
CANDIDATES = (
    Stands(
        "Toinette Sansfaçon",
        "Je soigne les assemblées comme les malades imaginaires : peu de remèdes, beaucoup de bon sens. Je publierai "
        "le compte rendu de chaque réunion dans la semaine.",
        "I treat meetings as I treat imaginary invalids: few remedies, plenty of common sense. I will publish the "
        "minutes of every meeting within a week.",
    ),
    Stands(
        "Scapin Lafourberie",
        "Trois conventions négociées, aucune galère. Je demande un calendrier de négociation que tout le monde peut "
        "suivre.",
        "Three agreements negotiated, and nobody sent to the galleys. I want a bargaining calendar that everyone can "
        "follow.",
    ),
    Stands(
        "Dorine Franparler",
        "Je dis ce que je vois, même à la direction. Ma priorité : la charge de travail des analystes.",
        "I say what I see, even to management. My priority is the workload of analysts.",
    ),
    Stands("Rilla Ingleside"),
)

QUESTIONS = (
    Question(
        "ec-ratification",
        "ratification",
        ("EC",),
        "Ratification de l’entente de principe du groupe EC",
        "Ratification of the EC tentative agreement",
        "Acceptez-vous l’entente de principe conclue avec le Conseil du Trésor pour le groupe Économique et "
        "services de sciences sociales (EC)?",
        "Do you accept the tentative agreement reached with the Treasury Board for the Economics and Social "
        "Science Services (EC) group?",
    ),
    Question(
        "ec-directors",
        "election",
        ("EC",),
        "Élection de deux administratrices ou administrateurs, sièges EC",
        "Election of two directors, EC seats",
        "Parmi les candidates et candidats, choisissez au plus deux personnes pour représenter le groupe EC "
        "au conseil exécutif national.",
        "Among the candidates, choose at most two people to represent the EC group on the National Executive "
        "Committee.",
        choose=2,
        candidates=CANDIDATES,
    ),
    Question(
        "tr-ratification",
        "ratification",
        ("TR",),
        "Ratification de l’entente de principe du groupe TR",
        "Ratification of the TR tentative agreement",
        "Acceptez-vous l’entente de principe conclue avec le Conseil du Trésor pour le groupe Traduction (TR)?",
        "Do you accept the tentative agreement reached with the Treasury Board for the Translation (TR) group?",
    ),
    Question(
        "financial-statements",
        "resolution",
        _EVERYBODY,
        "États financiers audités",
        "Audited financial statements",
        "Approuvez-vous les états financiers audités de l’Association pour l’exercice terminé?",
        "Do you approve the audited financial statements of the Association for the year just ended?",
    ),
    Question(
        "auditors",
        "resolution",
        _EVERYBODY,
        "Choix des auditeurs",
        "Choice of auditors",
        "Approuvez-vous la nomination du cabinet d’audit que propose le conseil exécutif national pour le "
        "prochain exercice?",
        "Do you approve the appointment, for the coming year, of the audit firm proposed by the National "
        "Executive Committee?",
    ),
    Question(
        "hr-committee",
        "resolution",
        _EVERYBODY,
        "Création d’un comité des ressources humaines",
        "Creation of a human resources committee",
        "Voulez-vous que l’Association crée un comité des ressources humaines, qui relèverait du conseil "
        "exécutif national?",
        "Do you want the Association to create a human resources committee reporting to the National "
        "Executive Committee?",
    ),
    Question(
        "pension",
        "resolution",
        _EVERYBODY,
        "Campagne pour les régimes de retraite à prestations déterminées",
        "Campaign for defined-benefit pension plans",
        "Voulez-vous que l’Association mène une campagne pour protéger les régimes de retraite à prestations "
        "déterminées?",
        "Do you want the Association to run a campaign to protect defined-benefit pension plans?",
    ),
    Question(
        "president",
        "resolution",
        _EVERYBODY,
        "Destitution de la personne à la présidence",
        "Removal of the president",
        "Voulez-vous que la personne qui occupe la présidence de l’Association soit destituée de ses fonctions?",
        "Do you want the person holding the office of president of the Association to be removed from office?",
        majority=Majority.TWO_THIRDS,
    ),
)


def candidates_of(ballot: Ballot) -> list[Candidate]:
    """Those who stand in one of these ballots, as the database keeps them."""
    return [
        Candidate(
            id=uuid4(), ballot_id=ballot.id, position=position, name=one.name, text_fr=one.text_fr,
            text_en=one.text_en,
        )
        for question in QUESTIONS
        if question.code == ballot.code
        for position, one in enumerate(question.candidates, start=1)
    ]  # fmt: skip


def ballots_of(group: str) -> list[str]:
    """The codes of a group's own ballots, in order: EC has 7, TR 6, BdP 5."""
    return [question.code for question in QUESTIONS if group in question.groups]
