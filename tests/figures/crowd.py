"""A union of 25,000 on file, and how long a member's pages take then."""

import random
import secrets
import statistics
from collections.abc import Sequence

from sqlalchemy import text

from portal.rules.links import hash_of
from portal.store import Sessions
from portal.store.campaigns import Campaign
from tests.figures.ground import Ground

MEMBERS = 25_000
# People who look at their pages, and how often each page is asked for.
VISITORS, LOOKS = 100, 200

# Everybody has a file, most an approved submission, all a trail, letters and registrations.
CROWD = (
    """
    insert into member (id, number, given_name, family_name, street, city, province, postal_code, "group", standing,
                        language)
    select gen_random_uuid(), (910000 + n)::text, 'Membre', 'Numéro ' || n, n || ', rue du Théâtre', 'Gatineau', 'QC',
           'J8X 1A1', (array['EC', 'TR', 'BdP'])[1 + n % 3], 'member', (array['fr', 'en'])[1 + n % 2]
    from generate_series(1, :members) n
    """,
    """
    insert into account (id, member_id, email, email_verified_at, password_hash, password_set_at)
    select gen_random_uuid(), m.id, 'm' || m.number || '@exemple.test', now(), 'x', now()
    from member m where m.given_name = 'Membre'
    """,
    """
    insert into onboarding (campaign_id, member_id, step, calendar_version)
    select :campaign, id, case when number::int % 5 = 0 then 'review' else 'done' end, 1
    from member where given_name = 'Membre'
    """,
    """
    insert into submission (id, campaign_id, member_id, status, list_version, submitted_at, over_at, erased_at)
    select gen_random_uuid(), :campaign, m.id, s.status, '2026-11', now() - s.age, now() - s.age, now() - s.age
    from member m, (values ('rejected', interval '3 days'), ('approved', interval '1 day')) s(status, age)
    where m.given_name = 'Membre'
    """,
    """
    insert into erasure (certificate, submission_id, outcome, documents, versions_removed, versions_left, received_at,
                         over_at)
    select 'S-' || left(s.id::text, 12), s.id, s.status, 1, 1, 0, s.submitted_at, s.over_at
    from submission s where s.erased_at is not null
    on conflict do nothing
    """,
    """
    insert into registration (ballot_id, member_id, confirmed_at)
    select b.id, m.id, now() from ballot b join member m on m."group" = any(b.groups)
    where b.campaign_id = :campaign and m.given_name = 'Membre'
    """,
    """
    insert into journal (actor, action, member_id, campaign_id)
    select 'member', a.action, m.id, :campaign
    from member m, unnest(array['signed-in', 'verification-asked', 'email-verified', 'documents-submitted',
        'picture-seen', 'registered', 'identity-approved', 'signed-out', 'signed-in', 'signed-out']) a(action)
    where m.given_name = 'Membre'
    """,
    """
    insert into outbox (id, key, kind, lane, account_id, campaign_id, facts, due_at, sent_at)
    select gen_random_uuid(), k.kind || a.id, k.kind, 'bulk', a.id, :campaign, '{}', now(), now()
    from account a, unnest(array['invitation', 'verification', 'documents-received', 'approved', 'registered',
        'reminder']) k(kind)
    where a.email like 'm9%'
    """,
)


async def gather(sessions: Sessions, campaign: Campaign) -> None:
    """Put everybody on file, as quickly as SQL can."""
    async with sessions.begin() as session:
        for statement in CROWD:
            await session.execute(
                text(statement),
                {k: v for k, v in (("members", MEMBERS), ("campaign", campaign.id)) if f":{k}" in statement},
            )
    async with sessions.begin() as session:
        await session.execute(text("analyze"))


async def let_in(sessions: Sessions, visitors: int = VISITORS) -> list[str]:
    """Cookies of some members, as if they had signed in."""
    async with sessions.begin() as session:
        found = await session.scalars(text("select id from account where email like 'm9%'"))
        chosen = random.Random(2017).sample(sorted(found.all(), key=str), visitors)
        tokens = [secrets.token_urlsafe(32) for _ in chosen]
        for account_id, token in zip(chosen, tokens, strict=True):
            await session.execute(
                text(
                    "insert into sign_in (token_hash, account_id, kind, form_token, expires_at)"
                    " values (:hash, :account, 'member', 'x', now() + interval '1 hour')"
                ),
                {"hash": hash_of(token), "account": account_id},
            )
    return tokens


def looked_at(there: Ground, path: str, tokens: Sequence[str]) -> list[float]:
    """How long each look at a page took, in ms, over a connection that is open."""
    took = []
    for look in range(LOOKS):
        cookie = f"__Host-session={tokens[look % len(tokens)]}"
        milliseconds, status = there.get(path, {"Cookie": cookie, "Host": there.host})
        assert status == 200, (path, status)
        took.append(milliseconds)
    return took


async def pages(there: Ground, campaign: Campaign, paths: Sequence[str]) -> None:
    """Print what each of a member's pages takes with everybody on file."""
    await gather(there.sessions, campaign)
    tokens = await let_in(there.sessions)
    print(f"\nA member's pages with {MEMBERS:,} members on file, in ms ({LOOKS} looks by {VISITORS} members)")
    for path in paths:
        took = sorted(looked_at(there, path, tokens))
        print(f"  {path:<24} p50 {statistics.median(took):5.1f}   p95 {took[int(len(took) * 0.95)]:5.1f} (≤ 50)")
