"""The links of our mails: looked at by anybody, used once by their owner, void once a newer one exists."""

import asyncio
from datetime import timedelta

from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import (
    Known,
    activating,
    change,
    code_in,
    count,
    everything,
    known,
    later,
    link_in,
    mails_to,
    notices,
    says,
    signed_in,
    until,
)
from tests.api.person import Person
from tests.conftest import ORIGIN, Servers

FRESH = "un tout autre bateau à voiles mauves"
OTHER = "deux harengs saurs sous la lune pâle"


async def renewal_link(visit: Visit, servers: Servers, who: Known, n: int = 1) -> str:
    """The newest link, once so many have arrived."""
    person = visit()
    await person.get("/fr/mot-de-passe/renouveler")
    await person.submit("mot-de-passe/renouveler", email=who.email)
    return link_in((await mails_to(servers, who.email, "Renouvelez", at_least=n))[-1])


async def verification_link(person: Person, servers: Servers, who: Known, n: int = 1) -> str:
    await person.get("/fr/profil")
    await person.submit("/profil/courriel")
    return link_in((await mails_to(servers, who.email, "Confirmez", at_least=n))[-1])


async def choose(person: Person, link: str, password: str = FRESH) -> None:
    await person.get(link)
    await person.submit("mot-de-passe/nouveau", password=password, again=password)


async def test_a_renewal_link_works_once(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T14: the second time says so and offers a new one; the password of the first time stays."""
    who = await known(sessions)
    link = await renewal_link(visit, servers, who)
    person = visit()
    await person.get(link)
    form = person.page.form("mot-de-passe/nouveau")
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    assert person.page.h1 == ["Entrez"]
    await person.post(form.action, {**form.fields, "password": OTHER, "again": OTHER})
    assert person.response.status_code == 422
    assert says(person, Refusal.LINK_USED)
    assert "/fr/mot-de-passe/renouveler" in person.page.links
    assert (await visit().sign_in(who.email, OTHER)).status_code == 401
    assert (await visit().sign_in(who.email, PASSWORD)).status_code == 401
    await visit().sign_in(who.email, FRESH)
    assert await count(sessions, "select count(*) from sign_in") == 1


async def test_a_change_of_password_is_announced_to_the_address_on_file(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T18: whoever did not do it learns of it, with what to do; the mail holds no link that opens anything."""
    who = await known(sessions)
    await choose(visit(), await renewal_link(visit, servers, who))
    (said,) = await mails_to(servers, who.email, "mot de passe a été changé")
    assert "Ce n'est pas vous ?" in said.replace("\N{NO-BREAK SPACE}", " ")
    assert f"{ORIGIN}/fr/mot-de-passe/renouveler" in said
    assert "jeton=" not in said


async def test_a_link_that_was_used_has_arrived(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """Mail to this address does not come back any more, whatever the link was for."""
    bounced = "select count(*) from account where email_bounced_at is not null"
    who = await known(sessions)
    link = await renewal_link(visit, servers, who)
    await change(sessions, "update account set email_bounced_at = now()")
    await visit().get(link)
    assert await count(sessions, bounced) == 1
    await choose(visit(), link)
    assert await count(sessions, bounced) == 0
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, newcomer = await signed_in(sessions, visit)
    link = await verification_link(person, servers, newcomer)
    await change(sessions, "update account set email_bounced_at = now() where id = :id", id=newcomer.account.id)
    await person.get(link)
    assert await count(sessions, bounced) == 1
    await person.submit("/courriel/verifier")
    assert notices(person, "courriel-verifie")
    assert await count(sessions, bounced) == 0


async def test_twenty_requests_are_three_mails(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T114: the same answer to all of them; nobody fills a mailbox in somebody's name."""
    who = await known(sessions)
    stranger = visit()
    answers = set()
    for _ in range(20):
        await stranger.post("/fr/mot-de-passe/renouveler", {"email": who.email})
        answers.add((stranger.response.status_code, stranger.page.text))
    assert len(answers) == 1
    assert len(await mails_to(servers, who.email, "Renouvelez", at_least=1)) <= 3
    assert await count(sessions, "select count(*) from outbox") == 3


async def test_an_address_that_came_back_is_proven_again_by_link_or_by_code(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """The page says so and offers a new mail; the file stays where it is, and nothing has to be done twice."""
    bounced = "select count(*) from account where email_bounced_at is not null"
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit, verified=True)
    await person.get("/fr/accueil")
    assert "Votre courriel nous revient" not in person.page.text
    for n, way in enumerate(("link", "code"), start=1):
        await change(sessions, "update account set email_bounced_at = now()")
        await person.get("/fr/accueil")
        assert "Votre courriel nous revient" in person.page.text
        await person.get("/fr/profil")
        form = person.page.form("/profil/courriel")
        await person.submit("/profil/courriel")
        assert notices(person, "courriel-envoye")
        said = (await mails_to(servers, who.email, "Confirmez", at_least=n))[-1]
        # The same form again is one mail.
        await person.post(form.action, form.fields)
        assert person.response.status_code == 200
        if way == "link":
            await person.get(link_in(said))
            await person.submit("/courriel/verifier")
        else:
            await person.get("/fr/profil")
            await person.submit("/profil/code", code=code_in(said))
        assert notices(person, "courriel-verifie"), way
        assert await count(sessions, bounced) == 0
        assert await count(sessions, "select count(*) from link") == n
    await person.get("/fr/accueil")
    assert "Votre courriel nous revient" not in person.page.text
    assert await count(sessions, "select count(*) from account where email_verified_at is null") == 0


async def test_an_address_that_came_back_has_its_share_of_the_hour_too(visit: Visit, sessions: Sessions) -> None:
    """The page stays the profile, and says that mails have just left."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, _ = await signed_in(sessions, visit, verified=True)
    await change(sessions, "update account set email_bounced_at = now()")
    for _ in range(4):
        await person.get("/fr/profil")
        await person.submit("/profil/courriel")
    assert person.response.status_code == 429
    assert person.page.h1 == ["Mon profil"]
    assert says(person, Refusal.MAIL_JUST_SENT)
    assert await count(sessions, "select count(*) from link") == 3


async def test_of_two_people_with_the_same_link_at_the_same_moment_one_wins(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T14: used in one statement."""
    who = await known(sessions)
    link = await renewal_link(visit, servers, who)
    people = [visit(), visit()]
    await asyncio.gather(choose(people[0], link, FRESH), choose(people[1], link, OTHER))
    won = [p.page.h1 == ["Entrez"] for p in people]
    assert sorted(won) == [False, True]
    right, wrong = (FRESH, OTHER) if won[0] else (OTHER, FRESH)
    assert (await visit().sign_in(who.email, wrong)).status_code == 401
    await visit().sign_in(who.email, right)
    assert await count(sessions, "select count(*) from sign_in") == 1
    assert await count(sessions, "select count(*) from journal where action = 'password-renewed'") == 1


async def test_no_token_is_in_the_records_in_clear(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T14: links, codes and cookies are kept as hashes, before and after their use."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    secrets = [
        (await verification_link(person, servers, who)).partition("=")[2],
        (await renewal_link(visit, servers, who)).partition("=")[2],
        person.client.cookies["__Host-session"],
    ]
    for secret in secrets:
        assert len(secret) == 43, "256 bits"
        text = str(await everything(sessions, but=())).casefold()
        assert secret.casefold() not in text
        assert secret.encode().hex() not in text


async def test_an_older_renewal_link_is_void(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T15: once a newer one was sent; and every link once the password is new."""
    who = await known(sessions)
    first = await renewal_link(visit, servers, who)
    second = await renewal_link(visit, servers, who, 2)
    assert first != second
    late = visit()
    await late.get(first)
    assert late.response.status_code == 410
    assert says(late, Refusal.LINK_SUPERSEDED)
    assert "/fr/mot-de-passe/renouveler" in late.page.links
    person = visit()
    await choose(person, second)
    third = await renewal_link(visit, servers, who, 3)
    await change(sessions, "update link set used_at = null, voided_at = now() where voided_at is null")
    await person.get(third)
    assert person.response.status_code == 410


async def test_looking_at_a_renewal_link_changes_nothing(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T16: a scanner's HEAD and five GETs, then its owner; no cookie is set by looking."""
    who = await known(sessions)
    link = await renewal_link(visit, servers, who)
    await mails_sent(sessions)
    before = await everything(sessions)
    scanner = visit()
    assert (await scanner.client.head(link)).status_code == 200
    for _ in range(5):
        answer = await scanner.client.get(link)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert "onload" not in answer.text
    assert await everything(sessions) == before
    person = visit()
    await choose(person, link)
    assert person.page.h1 == ["Entrez"]


async def mails_sent(sessions: Sessions) -> None:
    """Wait until the relay has nothing left to write down."""

    async def all_sent() -> bool:
        return not await count(sessions, "select count(*) from outbox where sent_at is null")

    await until(all_sent)


async def test_looking_at_a_verification_link_changes_nothing(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T16: signed in or not; then its owner presses the button."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    link = await verification_link(person, servers, who)
    await mails_sent(sessions)
    before = await everything(sessions)
    scanner = visit()
    for looking in (scanner, person):
        assert (await looking.client.head(link)).status_code == 200
        for _ in range(5):
            assert (await looking.client.get(link)).status_code == 200
    assert await everything(sessions) == before
    await scanner.get(link)
    assert "Entrez" in scanner.page.text
    assert "pour confirmer" in scanner.page.text
    assert not [f for f in scanner.page.forms if f.action.endswith("courriel/verifier")]

    await person.get(link)
    await person.submit("courriel/verifier")
    assert notices(person, "courriel-verifie")
    assert "Courriel vérifié" in person.page.text
    # Pressed again, opened again, by its owner or by a stranger: it is done.
    for again in (person, visit()):
        await again.get(link)
        assert again.response.status_code == 200
        assert "déjà vérifié" in again.page.text
    assert await count(sessions, "select count(*) from journal where action = 'email-verified'") == 1


async def test_somebody_else_cannot_use_a_verification_link(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T16: it is bound to its account, not to whoever is signed in."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    link = await verification_link(person, servers, who)
    stranger, _ = await signed_in(sessions, visit)
    await stranger.get(link)
    assert not [f for f in stranger.page.forms if f.action.endswith("courriel/verifier")]
    token = stranger.page.form("/deconnexion").fields["form_token"]
    await stranger.post("/fr/courriel/verifier", {"form_token": token, "token": link.partition("=")[2]})
    assert stranger.response.status_code == 404
    assert await count(sessions, "select count(*) from account where email_verified_at is not null") == 0


async def test_expired_and_superseded_verification_links_offer_a_new_one(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T15, T16: with the reason, to a member and to somebody who is activating."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    member, who = await signed_in(sessions, visit)
    newcomer, new = await activating(sessions, visit)
    for person, owner, leads_to in ((member, who, "Mon profil"), (newcomer, new, "Première entrée")):
        older = await verification_link(person, servers, owner)
        newer = await verification_link(person, servers, owner, 2)
        await person.get(older)
        assert person.response.status_code == 410
        assert says(person, Refusal.LINK_SUPERSEDED)
        await later(sessions, "link", timedelta(hours=24, seconds=1), "expires_at")
        await person.get(newer)
        assert person.response.status_code == 410
        assert says(person, Refusal.LINK_EXPIRED)
        await person.get(next(a for a in person.page.links if a.endswith("/profil")))
        assert person.page.h1 == [leads_to]
        # Pressing the button of a page that was left open meanwhile says the same.
        token = person.page.form("/deconnexion").fields["form_token"]
        await person.post("/fr/courriel/verifier", {"form_token": token, "token": newer.partition("=")[2]})
        assert person.response.status_code == 410
    assert await count(sessions, "select count(*) from account where email_verified_at is not null") == 0


async def test_a_renewal_link_ends_after_an_hour(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T14: even between opening it and sending the form."""
    who = await known(sessions)
    link = await renewal_link(visit, servers, who)
    person = visit()
    await person.get(link)
    await later(sessions, "link", timedelta(minutes=60), "expires_at")
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    assert person.response.status_code == 410
    assert says(person, Refusal.LINK_EXPIRED)
    assert (await visit().sign_in(who.email, FRESH)).status_code == 401


async def test_a_link_for_one_thing_does_not_do_another(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T14: a verification link never opens the page of a new password, nor the other way round."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    verification = (await verification_link(person, servers, who)).partition("=")[2]
    renewal = (await renewal_link(visit, servers, who)).partition("=")[2]
    for address in (
        f"/fr/mot-de-passe/nouveau?jeton={verification}",
        f"/fr/courriel/verifier?jeton={renewal}",
        "/fr/mot-de-passe/nouveau",
        "/fr/courriel/verifier?jeton=",
        "/fr/courriel/verifier?jeton=%00",
    ):
        await person.get(address)
        assert person.response.status_code == 404, address
    await person.post("/fr/mot-de-passe/nouveau", {"token": verification, "password": FRESH, "again": FRESH})
    assert person.response.status_code == 404
    assert await count(sessions, "select count(*) from link where used_at is not null") == 0


async def test_links_start_with_our_own_origin_whatever_the_request_says(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T17: a poisoned Host is refused, and the mail's links come from the settings."""
    who = await known(sessions)
    person = visit()
    for headers in (
        {"Host": "evil.test"},
        {"X-Forwarded-Host": "evil.test"},
        {"Host": f"{ORIGIN[8:]}:443@evil.test"},
        {"Host": ""},
    ):
        await person.post("/fr/mot-de-passe/renouveler", {"email": who.email}, headers=headers)
        assert person.response.status_code == 400, headers
        assert "evil" not in person.response.text
        assert (await person.client.get("/", headers=headers)).status_code == 400
    assert await count(sessions, "select count(*) from outbox") == 0
    more = {
        "Forwarded": "host=evil.test",
        "X-Original-URL": "https://evil.test/",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "81",
        "Origin": "https://evil.test",
        "Referer": "https://evil.test/",
    }
    await person.post("/fr/mot-de-passe/renouveler", {"email": who.email}, headers=more)
    mail = (await mails_to(servers, who.email, "Renouvelez"))[0]
    assert f"{ORIGIN}/fr/mot-de-passe/nouveau?jeton=" in mail
    assert "evil" not in mail
