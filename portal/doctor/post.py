"""Does the mail server take our mails, in the way the settings want, and do our mails lead to us alone?"""

import asyncio
import re
import smtplib
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.doctor.findings import Check, Finding, failed, ok, warning
from portal.settings import Settings
from portal.store import Sessions, health

ANSWERS_WITHIN = 5.0
LOOKED_AT = 100
_LINK = re.compile(r"https?://[^\s<>\"')]+")


@dataclass(frozen=True)
class Post:
    """The checks of SMTP, and of what was sent."""

    settings: Settings
    sessions: Sessions

    def checks(self) -> dict[str, Check]:
        return {"mail: server": self.server, "mail: links": self.links}

    async def server(self) -> Finding:
        return await asyncio.to_thread(self._server)

    def _server(self) -> Finding:
        """Up to where the first mail would begin."""
        settings = self.settings
        where = f"{settings.smtp_host}:{settings.smtp_port}"
        try:
            with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=ANSWERS_WITHIN) as smtp:
                smtp.ehlo()
                offered = smtp.has_extn("starttls")
                if settings.smtp_starttls:
                    if not offered:
                        return failed(
                            f"{where} offers no STARTTLS: no mail leaves",
                            "another port or server; PORTAL_SMTP_STARTTLS=false only on a machine of its own",
                        )
                    smtp.starttls(context=ssl.create_default_context())
                    smtp.ehlo()
                if settings.smtp_username:
                    smtp.login(settings.smtp_username, settings.smtp_password.get_secret_value())
        except ssl.SSLError:
            return failed(f"{where} shows a certificate that nobody vouches for", "a certificate for that very name")
        except smtplib.SMTPAuthenticationError as error:
            return failed(f"{where} refuses the name and password ({error.smtp_code})", "see PORTAL_SMTP_USERNAME")
        except (OSError, smtplib.SMTPException) as error:
            return failed(
                f"{where} cannot be used: {type(error).__name__}", "start it, or see PORTAL_SMTP_HOST and _PORT"
            )
        if not settings.smtp_starttls and urlsplit(f"//{settings.smtp_host}").hostname not in (
            "127.0.0.1",
            "localhost",
        ):
            return warning(f"{where} answers, and mails go there in clear", "PORTAL_SMTP_STARTTLS=true")
        return ok(f"{where} answers{', with STARTTLS' if settings.smtp_starttls else ''}")

    async def links(self) -> Finding:
        """T115: whoever gets used to links elsewhere follows a stranger's."""
        async with self.sessions.begin() as session:
            said = await health.said_lately(session, LOOKED_AT)
        origin = urlsplit(self.settings.origin)
        elsewhere = sum(any(not _leads_to(origin.netloc, link) for link in _LINK.findall(text)) for text in said)
        if elsewhere:
            return warning(
                f"{elsewhere} of the last {len(said)} mails hold a link to another site",
                "the templates have none: look at what was written by hand in a refusal",
            )
        return ok(f"every link of the last {len(said)} mails leads to the portal")


def _leads_to(netloc: str, link: str) -> bool:
    return urlsplit(link).netloc == netloc
