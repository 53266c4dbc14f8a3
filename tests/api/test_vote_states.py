"""Every state of a voter, at every address of the booth: one of them votes, the others read why not."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from secrets import token_urlsafe
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select, text

from api.guards import COOKIE
from api.pages import STATUS
from portal.rules.canonical import b64
from portal.rules.choices import value_of
from portal.rules.links import hash_of
from portal.rules.operations import PaperReason
from portal.rules.refusals import Refusal
from portal.rules.votes import Definition, encode
from portal.store import Session, Sessions, paper, votes
from portal.store.campaigns import Campaign
from portal.store.sealing import seal_vote
from portal.text import gettext
from tests import builders, keys_of_votes, voting
from tests.api.booths import HOUR, Voter, a_vote
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import says
from tests.conftest import ORIGIN
from tests.store.cases import a_submission

# The ballot of EC only, so that some members are of another group.
BALLOT = "ec-ratification"
FORM_TOKEN = "of-the-matrix"
RECEIPT = re.compile(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){4}")
# The last of them is the one in which votes are taken.
WINDOWS = {"before": (HOUR, 2 * HOUR), "after": (-2 * HOUR, -HOUR), "no key": (-HOUR, HOUR), "open": (-HOUR, HOUR)}


@dataclass(frozen=True)
class State:
    """What is true of a voter. `voted` and `paper` exclude each other; the database holds that."""

    verified: bool = True
    identity: str = "confirmed"
    registered: bool = True
    roll: str = "elector"
    paper: bool = False
    voted: bool = False
    window: str = "open"


def why_not(state: State) -> Refusal | None:
    """The one expectation: why no vote of theirs is taken, in the order in which it is said; None if one is.

    A proven address is not asked for again: nobody registers without one, and nothing takes a registration away.
    """
    for holds, refusal in (
        (state.voted, Refusal.ALREADY_VOTED),
        (state.roll == "left", Refusal.LEFT_THE_ROLL),
        (state.roll == "other group", Refusal.BALLOT_NOT_YOURS),
        (state.roll == "dues-payer", Refusal.MEMBERS_ONLY),
        (state.paper, Refusal.VOTES_ON_PAPER),
        (state.window == "after", Refusal.VOTE_CLOSED),
        (state.window == "before", Refusal.VOTE_NOT_OPEN),
        (state.window == "no key", Refusal.VOTE_NOT_READY),
        (not state.registered, Refusal.NOT_REGISTERED),
        (state.identity == "none", Refusal.DOCUMENTS_NEEDED),
    ):
        if holds:
            return refusal
    return None


IDENTITIES = ("confirmed", "in review", "none")
STATES = [
    *(
        State(verified, identity, registered, roll)
        for verified, identity, registered, roll in product(
            (True, False), IDENTITIES, (True, False), ("elector", "other group")
        )
    ),
    *(State(identity=identity, roll=roll) for identity in IDENTITIES for roll in ("left", "dues-payer")),
    *(State(identity=identity, registered=on, paper=True) for identity in IDENTITIES for on in (True, False)),
    *(State(identity=identity, voted=True) for identity in IDENTITIES),
    # Their receipt stays whatever the roll says of them since.
    *(State(roll=roll, voted=True) for roll in ("left", "other group", "dues-payer")),
]


@dataclass
class Case:
    voter: Voter
    state: State


async def a_case(visit: Visit, session: Session, campaign: Campaign, state: State, sessions: Sessions, n: int) -> Case:
    """A member in this state, with a session that was proven a moment ago."""
    language = "en" if n % 2 else "fr"
    member = await builders.a_member(session, verified=state.verified, language=language, password_hash=PASSWORD_HASH)
    if state.registered:
        await voting.registered(session, campaign, member, BALLOT, confirmed=state.identity == "confirmed")
    if state.identity == "confirmed":
        await session.execute(text("update member set identity_verified_at = now() where id = :m"), {"m": member.id})
    if state.identity == "in review" or (state.voted and state.identity == "none"):
        await a_submission(session, campaign, member)
    if state.voted:
        await voting.vote(session, campaign, member, await voting.ballot_of(session, campaign, BALLOT))
    if state.identity == "none":
        # A better photo is asked for since.
        await session.execute(
            text("update submission set status = 'rejected', over_at = now() where member_id = :m"), {"m": member.id}
        )
    if state.paper:
        by = await builders.a_staff_account(session)
        await paper.mark(session, campaign_id=campaign.id, member_id=member.id, reason=PaperReason.ASKED, by=by.id)
    changes = {"left": "left_at = now()", "other group": "\"group\" = 'TR'", "dues-payer": "standing = 'dues-payer'"}
    if state.roll in changes:
        await session.execute(text(f"update member set {changes[state.roll]} where id = :m"), {"m": member.id})
    person, token = visit(language), token_urlsafe(32)
    person.client.cookies.set(COOKIE, token, domain=str(urlsplit(ORIGIN).hostname))
    await session.execute(
        text(
            "insert into sign_in (token_hash, account_id, kind, form_token, expires_at, stepped_up_at)"
            " select :hash, id, 'member', :form, now() + interval '9 hours', now() from account where member_id = :m"
        ),
        {"hash": hash_of(token), "form": FORM_TOKEN, "m": member.id},
    )
    return Case(Voter(person, member, sessions), state)


async def the_window_is(sessions: Sessions, window: str) -> None:
    """As no process could: a closing moves only later, and a key stays."""
    opens, closes = WINDOWS[window]
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        campaign = (await session.scalars(select(Campaign))).one()
        now = datetime.now(UTC)
        campaign.opens, campaign.closes = now + opens, now + closes
        has_key = window != "no key"
        campaign.election_key = keys_of_votes.PUBLIC if has_key else None
        campaign.trustees = keys_of_votes.TRUSTEES if has_key else None


Rows = tuple[list[UUID], list[UUID], int]


async def rows(sessions: Sessions) -> Rows:
    """Whose votes are in the box, of whom the journal says that they voted, and how much else it says."""
    async with sessions.begin() as session:
        return (
            sorted(await session.scalars(text("select member_id from vote"))),
            sorted(await session.scalars(text("select member_id from journal where action = 'voted'"))),
            await session.scalar(text("select count(*) from journal where action <> 'voted'")) or 0,
        )


async def test_one_state_of_a_voter_votes_and_every_other_reads_why_not(visit_alone: Visit, sessions: Sessions) -> None:
    """T77: {address proven, identity, registered, on the roll, window, key, paper, voted} × every page of the booth."""
    async with sessions.begin() as session:
        campaign = await a_vote(session)
        cases = [await a_case(visit_alone, session, campaign, state, sessions, n) for n, state in enumerate(STATES)]
        ballot = await voting.ballot_of(session, campaign, BALLOT)
        definition = await votes.definition_of(session, campaign.code, ballot)
    _, _, others = await rows(sessions)
    for window in WINDOWS:
        await the_window_is(sessions, window)
        for case in cases:
            case.state = replace(case.state, window=window)
            # Nobody has voted before the opening; and the address makes no difference twice.
            if window in ("after", "open") or (case.state.verified and not case.state.voted):
                await everywhere(case, definition)
        voted = sorted(case.voter.member.id for case in cases if case.state.voted)
        assert await rows(sessions) == (voted, voted, others), window
    allowed = [State(verified, identity) for verified in (True, False) for identity in ("confirmed", "in review")]
    assert len(voted) == sum(state.voted for state in STATES) + len(allowed)


async def everywhere(case: Case, definition: Definition) -> None:
    """Every address of the booth; a vote that is taken is a state of its own from then on."""
    voter, person = case.voter, case.voter.person
    hidden = {"form_token": FORM_TOKEN, "definition": definition.sha256}
    plain = {**hidden, "choice": value_of(1)}
    sealed = {**hidden, "sealed": b64(seal_vote(keys_of_votes.PUBLIC, encode([1]), definition.info))}
    page = voter.address(code=BALLOT)
    if person.language == "fr":
        read, drop, receipt, mine = "/relecture", "/depot", "/fr/votes/ec-ratification/recu", "/fr/votes/comptes"
    else:
        read, drop, receipt, mine = "/review", "/cast", "/en/votes/ec-ratification/receipt", "/en/votes/counted"

    await person.get(page)
    fits(case)
    if case.state.window == "open":
        await person.post(page, {"form_token": FORM_TOKEN, "password": PASSWORD})
        fits(case)
    await person.post(page + read, plain)
    fits(case, sent=True, words="Vous avez choisi :")
    # One of the two forms is taken, if any is; the other then finds it there.
    for form in (sealed, plain) if case.state.verified else (plain, sealed):
        taken = why_not(case.state) is None
        await person.post(page + drop, form)
        fits(case, sent=True, words="Votre vote est déposé")
        case.state = replace(case.state, voted=case.state.voted or taken)
    await person.get(receipt)
    fits(case)
    await person.get(mine)
    assert person.response.status_code == 200, case.state
    assert (RECEIPT.search(person.page.text) is not None) is case.state.voted, case.state


def fits(
    case: Case, *, sent: bool = False, words: str = "Choisissez une seule réponse. Rien n'est choisi d'avance."
) -> None:
    """The page at hand is the one of this state; `words` stand on that of whoever may vote and on no other."""
    person, state, refusal = case.voter.person, case.state, why_not(case.state)
    status, end = person.response.status_code, str(person.response.url)
    said = " ".join(gettext(person.language)(words).split())
    assert (said in person.page.text) is (refusal is None), state
    if refusal is None:
        assert status == 200, state
    elif refusal is Refusal.ALREADY_VOTED:
        assert status == 200, state
        assert RECEIPT.search(person.page.text), state
    elif refusal is Refusal.NOT_REGISTERED and not sent:
        assert (status, end.rpartition("/")[2]) in ((200, "inscription"), (200, "registration")), state
    else:
        # Looking is no mistake, unless it is somebody else's ballot.
        fitting = STATUS.get(refusal, 409)
        assert status == (fitting if sent or fitting == 403 else 200), state
        assert says(person, refusal), (state, refusal)
