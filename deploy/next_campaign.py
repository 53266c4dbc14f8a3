"""The campaign that the demo's staff are preparing: a draft, for two officers to open."""

from datetime import datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from portal.rules.votes import Majority
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign

CODE = "acep-automne"
EVERYBODY = ["EC", "TR", "BdP"]


def a_draft(now: datetime, zone: ZoneInfo) -> tuple[Campaign, list[Ballot], list[Candidate]]:
    """Two questions, one of them an election, two months from now."""
    first = now.astimezone(zone).date() + timedelta(days=60)
    opens, closes = (
        datetime.combine(first + timedelta(days=days), at, zone) for days, at in ((14, time(8)), (25, time(16)))
    )
    campaign = Campaign(
        id=uuid4(), code=CODE, title_fr="Votes d’automne de l’ACEP (démonstration)",
        title_en="CAPE autumn votes (demonstration)", time_zone=zone.key,
        registration_opens=datetime.combine(first, time(8), zone), opens=opens, closes=closes,
        ends=closes + timedelta(days=14), calendar_version=1, status="draft",
    )  # fmt: skip
    budget = Ballot(
        id=uuid4(), campaign_id=campaign.id, code="budget", position=1, kind="resolution", title_fr="Budget annuel",
        title_en="Annual budget", question_fr="Approuvez-vous le budget proposé pour l’an prochain ?",
        question_en="Do you approve the budget proposed for next year?", groups=EVERYBODY, members_only=True,
        majority=Majority.HALF.value, quorum_percent=10,
    )  # fmt: skip
    seats = Ballot(
        id=uuid4(), campaign_id=campaign.id, code="sieges", position=2, kind="election", choose=2,
        title_fr="Élection de deux administratrices ou administrateurs", title_en="Election of two directors",
        question_fr="Choisissez au plus deux personnes.", question_en="Choose at most two people.", groups=EVERYBODY,
        members_only=True,
    )  # fmt: skip
    stand = (
        ("Agnès L’École", "Des comptes que tout le monde peut lire.", "Accounts that anybody can read."),
        ("Célimène Coquette", None, None),
        ("George Dandin", "Vous l’avez voulu.", "You asked for it."),
    )
    candidates = [
        Candidate(id=uuid4(), ballot_id=seats.id, position=at, name=name, text_fr=fr, text_en=en)
        for at, (name, fr, en) in enumerate(stand)
    ]
    return campaign, [budget, seats], candidates
