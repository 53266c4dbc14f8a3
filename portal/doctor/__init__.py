"""`python -m portal doctor`: one screen that says whether everything the portal stands on is as it must be."""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from portal.doctor.durable import Durable
from portal.doctor.findings import PATIENCE, Check, Finding, Named, State, failed, look, ok, warning
from portal.doctor.names import Names
from portal.doctor.objects import Objects
from portal.doctor.post import Post
from portal.doctor.records import Records
from portal.settings import Settings
from portal.store import open_database, sessions_of
from portal.store.files import MinioFiles
from portal.temporal import connect

# As random as a key of 256 bits is when written down.
LONG_ENOUGH = 43


async def examine(
    settings: Settings, *, dns: tuple[str, int] | None = None, within: float = PATIENCE
) -> list[Named]:  # fmt: skip
    """Everything at once; nothing is changed anywhere, and no secret is in what is found."""
    url = settings.database_url.get_secret_value()
    engine = open_database(url, pool_size=10)
    sessions = sessions_of(engine)
    files = MinioFiles(
        settings.s3_endpoint, settings.s3_access_key, settings.s3_secret_key.get_secret_value(), settings.s3_bucket,
        region=settings.s3_region, secure=settings.s3_secure,
    )  # fmt: skip
    client = await connect(settings.temporal_address, settings.temporal_namespace, lazy=True)
    checks: Mapping[str, Check] = {
        **_Told(settings).checks(),
        **Records(url, sessions).checks(),
        **Objects(files, settings.key_folder, sessions).checks(),
        **Durable(client, sessions).checks(),
        **Post(settings, sessions).checks(),
        **Names.of(settings, dns).checks(),
    }
    try:
        return await look(checks, within)
    finally:
        await engine.dispose()


class _Told:
    """What the process is told, as far as a reader can tell."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def checks(self) -> dict[str, Check]:
        return {"settings: secret": self.secret, "settings: origin": self.origin}

    async def secret(self) -> Finding:
        secret = self.settings.secret.get_secret_value()
        if len(secret) < LONG_ENOUGH:
            return warning(
                f"{len(secret)} characters long",
                "openssl rand -base64 32, for api and worker together (voids open links)",
            )
        return ok("long enough")

    async def origin(self) -> Finding:
        origin = urlsplit(self.settings.origin)
        if origin.path.strip("/") or origin.query or not origin.hostname:
            return failed("it is more, or less, than scheme and host", "PORTAL_ORIGIN=https://the.portal.example")
        if origin.scheme != "https":
            remedy = "PORTAL_ORIGIN with https, behind a proxy with TLS"
            if origin.hostname in ("localhost", "127.0.0.1"):
                return warning("this machine alone can sign in: no TLS", remedy)
            return failed("cookies are Secure: nobody can sign in without TLS", remedy)
        return ok(f"every link leads to {origin.netloc}")


def as_text(found: Sequence[Named]) -> str:
    """One screen: a line for each check, and below it what helps."""
    width = max(len(named.name) for named in found)
    lines = []
    for named in found:
        lines.append(f"{named.finding.state:<8}{named.name:<{width}}  {named.finding.said}")
        if named.finding.remedy:
            lines.append(f"{'':<8}{'':<{width}}  -> {named.finding.remedy}")
    counts = {state: sum(named.finding.state is state for named in found) for state in State}
    lines.append(", ".join(f"{count} {state}" for state, count in counts.items()))
    return "\n".join(lines)


def as_json(found: Sequence[Named]) -> str:
    return json.dumps([named.as_data() for named in found], ensure_ascii=False, indent=1)


def healthy(found: Sequence[Named]) -> bool:
    return all(named.finding.state is not State.FAILED for named in found)
