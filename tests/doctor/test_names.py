"""Whether a stranger could send mail in the union's name, asked of a name server of the test's own."""

import pytest

from portal.doctor.findings import State
from portal.doctor.names import Names
from portal.settings import Settings
from tests.doctor.conftest import NameServer, said

DOMAIN = "membres.acep-cape.ca"
KEY = "v=DKIM1; k=rsa; p=" + "A" * 380


@pytest.fixture
def asked(names: NameServer) -> Names:
    return Names((DOMAIN,), "s2026", names.address)


async def test_a_domain_that_nobody_can_borrow_is_well(names: NameServer, asked: Names) -> None:
    """T115: SPF, DKIM and DMARC as they must be."""
    names.texts = {
        DOMAIN: ["google-site-verification=x", "v=spf1 ip4:192.0.2.7 -all"],
        f"s2026._domainkey.{DOMAIN}": [KEY],
        f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject; rua=mailto:dmarc@acep-cape.ca"],
    }
    for check in asked.checks().values():
        found = await said(check)
        assert (found.state, found.remedy) == (State.OK, ""), found
        assert DOMAIN in found.said


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([], "has 0 SPF records"),
        (["v=spf1 -all", "v=spf1 mx -all"], "has 2 SPF records"),
        (["v=spf1 mx +all"], "lets anybody send"),
        (["v=spf1 mx ?all"], "lets anybody send"),
    ],
)
async def test_a_sender_that_anybody_may_use_is_told(
    names: NameServer, asked: Names, records: list[str], words: str
) -> None:
    """T115: SPF."""
    names.texts = {DOMAIN: records}
    found = await said(asked.spf)
    assert found.state is State.FAILED
    assert words in found.said


@pytest.mark.parametrize(("key", "words"), [(None, "is not there"), ("v=DKIM1; p=", "has been revoked")])
async def test_a_signature_nobody_can_check_is_told(
    names: NameServer, asked: Names, key: str | None, words: str
) -> None:
    """T115: DKIM."""
    names.texts = {} if key is None else {f"s2026._domainkey.{DOMAIN}": [key]}
    found = await said(asked.dkim)
    assert found.state is State.FAILED
    assert words in found.said
    unknown = await said(Names((DOMAIN,), "", names.address).dkim)
    assert unknown.state is State.WARNING
    assert "PORTAL_MAIL_DKIM_SELECTOR" in unknown.remedy


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ("v=DMARC1; p=reject", State.OK),
        ("v=DMARC1; p=quarantine", State.WARNING),
        ("v=DMARC1; p=none", State.WARNING),
        ("v=DMARC1; p=reject; pct=20", State.WARNING),
        ("v=spf1 -all", State.FAILED),
    ],
)
async def test_what_is_not_ours_must_be_refused_by_receivers(
    names: NameServer, asked: Names, record: str, state: State
) -> None:
    """T115: DMARC, found at the domain or at the organisation above it."""
    for place in (DOMAIN, "acep-cape.ca"):
        names.texts = {f"_dmarc.{place}": [record]}
        found = await said(asked.dmarc)
        assert found.state is state, found
        assert bool(found.remedy) is (state is not State.OK)


async def test_a_name_server_that_says_nothing_is_a_failed_check_within_seconds(
    names: NameServer, asked: Names
) -> None:
    names.silent = True
    found = await said(asked.spf)
    assert found.state is State.FAILED
    assert "LifetimeTimeout" in found.said


async def test_every_domain_that_mail_leaves_from_is_asked_about(worker_settings: Settings, names: NameServer) -> None:
    more = worker_settings.model_copy(
        update={
            "mail_from": "Portail <portail@Un.ca>", "mail_from_notices": "avis@deux.ca",
            "mail_bounces": "retours@un.ca",
        }
    )  # fmt: skip
    asked = Names.of(more, names.address)
    assert asked.domains == ("un.ca", "deux.ca")
    names.texts = {"un.ca": ["v=spf1 mx -all"]}
    found = await said(asked.spf)
    assert "deux.ca" in found.said
    assert "un.ca has" not in found.said
    demo = await said(Names.of(worker_settings, names.address).spf)
    assert demo.state is State.WARNING
    assert "scrutin.invalid leads nowhere" in demo.said
