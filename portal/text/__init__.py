"""One way to say things, in French first and in English as well, for pages and mails."""

from portal.text.catalogues import HTML_LANGUAGES, LANGUAGES, LOCALES, gettext, nbsp, ngettext
from portal.text.doors import needed, why_not
from portal.text.labels import (
    Explanation,
    Status,
    hint,
    identity,
    mail_name,
    not_decided_in_time,
    reason,
    status,
    step,
)
from portal.text.moments import TORONTO, day, hour, moment, number, window
from portal.text.refusals import say
from portal.text.templates import environment

__all__ = [
    "HTML_LANGUAGES",
    "LANGUAGES",
    "LOCALES",
    "TORONTO",
    "Explanation",
    "Status",
    "day",
    "environment",
    "gettext",
    "hint",
    "hour",
    "identity",
    "mail_name",
    "moment",
    "nbsp",
    "needed",
    "ngettext",
    "not_decided_in_time",
    "number",
    "reason",
    "say",
    "status",
    "step",
    "why_not",
    "window",
]
