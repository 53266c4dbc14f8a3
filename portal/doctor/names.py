"""Can a stranger send mail in our name? What the domain name system says of the domains that we send from."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr

import dns.asyncresolver
import dns.exception
import dns.resolver

from portal.doctor.findings import Check, Finding, failed, ok, warning
from portal.settings import Settings

ASKED = 4.0
# Set aside for what must lead nowhere (RFC 2606, RFC 6761).
NOWHERE = ("invalid", "test", "example", "localhost")


@dataclass(frozen=True)
class Names:
    """The checks of SPF, DKIM and DMARC (T115)."""

    domains: tuple[str, ...]
    selector: str
    # host and port of another server than the machine's own
    server: tuple[str, int] | None = None

    @classmethod
    def of(cls, settings: Settings, server: tuple[str, int] | None = None) -> "Names":
        addresses = (settings.mail_from, settings.mail_from_notices, settings.mail_bounces)
        found = (parseaddr(address)[1].rpartition("@")[2].lower() for address in addresses if address)
        return cls(tuple(dict.fromkeys(domain for domain in found if domain)), settings.mail_dkim_selector, server)

    def checks(self) -> dict[str, Check]:
        return {"names: SPF": self.spf, "names: DKIM": self.dkim, "names: DMARC": self.dmarc}

    async def spf(self) -> Finding:
        """One record that ends by refusing whoever it does not name."""
        if nowhere := self._nowhere():
            return nowhere
        wrong = []
        for domain in self.domains:
            records = [said for said in await self._said(domain) if said.lower().split(" ")[0] == "v=spf1"]
            if len(records) != 1:
                wrong.append(f"{domain} has {len(records)} SPF records, and needs one")
            elif records[0].lower().split()[-1] not in ("-all", "~all") and "redirect=" not in records[0].lower():
                wrong.append(f"the SPF record of {domain} lets anybody send")
        if wrong:
            return failed("; ".join(wrong), 'one TXT record: "v=spf1 … -all", naming the mail server')
        return ok(f"{_listed(self.domains)} says which servers send")

    async def dkim(self) -> Finding:
        """The public key of the signature is there."""
        if nowhere := self._nowhere():
            return nowhere
        if not self.selector:
            return warning("which key signs is not known here", "tell PORTAL_MAIL_DKIM_SELECTOR and ask again")
        wrong = []
        for domain in self.domains:
            name = f"{self.selector}._domainkey.{domain}"
            keys = [_tags(said).get("p", "") for said in await self._said(name)]
            if not any(keys):
                wrong.append(f"{name} {'has been revoked' if keys else 'is not there'}")
        if wrong:
            return failed("; ".join(wrong), "publish the key that the mail server signs with")
        return ok(f"{_listed(self.domains)} has the key {self.selector}")

    async def dmarc(self) -> Finding:
        """Receivers are told to refuse what is neither."""
        if nowhere := self._nowhere():
            return nowhere
        missing, lenient = [], []
        for domain in self.domains:
            records = [tags for said in await self._said_above(domain) if (tags := _tags(said)).get("v") == "DMARC1"]
            if len(records) != 1:
                missing.append(f"{domain} has {len(records)} DMARC records, and needs one")
            elif records[0].get("p", "").lower() != "reject" or records[0].get("pct", "100") != "100":
                lenient.append(f"{domain} asks for p={records[0].get('p', 'none')}")
        remedy = 'TXT at _dmarc.<domain>: "v=DMARC1; p=reject; rua=mailto:…"'
        if missing:
            return failed("; ".join(missing), remedy)
        if lenient:
            return warning("; ".join(lenient), f"once the reports are clean: {remedy}")
        return ok(f"{_listed(self.domains)} has what is not ours refused")

    def _nowhere(self) -> Finding | None:
        led = [domain for domain in self.domains if domain.rpartition(".")[2] in NOWHERE]
        if led or not self.domains:
            said = f"{_listed(led)} leads nowhere: answers cannot arrive" if led else "the sender has no domain"
            return warning(said, "PORTAL_MAIL_FROM with the union's own domain, outside a demo")
        return None

    async def _said_above(self, domain: str) -> list[str]:
        """The record of the domain, else the one of the organisation above it."""
        found = await self._said(f"_dmarc.{domain}")
        parent = domain.partition(".")[2]
        return found if found or "." not in parent else await self._said(f"_dmarc.{parent}")

    async def _said(self, name: str) -> list[str]:
        """The texts under a name; none when there is no such name."""
        resolver = dns.asyncresolver.Resolver(configure=self.server is None)
        if self.server is not None:
            resolver.nameservers, resolver.port = [self.server[0]], self.server[1]
        resolver.lifetime = ASKED
        try:
            answer = await resolver.resolve(name, "TXT")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def _tags(said: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in said.split(";") if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _listed(domains: tuple[str, ...] | list[str]) -> str:
    return ", ".join(domains)
