"""One way to say things, in French first and in English as well, for pages and mails."""

from portal.text.calendars import calendar_file
from portal.text.catalogues import HTML_LANGUAGES, LANGUAGES, LOCALES, gettext, nbsp, ngettext
from portal.text.doors import needed, why_not
from portal.text.labels import (
    Explanation,
    Status,
    answer,
    hint,
    identity,
    mail_name,
    not_decided_in_time,
    reason,
    refused_for,
    status,
    step,
)
from portal.text.letters import Piece, flowing, pieces, without_keys
from portal.text.moments import TORONTO, day, hour, instant, moment, number, window
from portal.text.refusals import say
from portal.text.templates import environment
from portal.text.trail import Said, outcome, said

__all__ = [
    "HTML_LANGUAGES",
    "LANGUAGES",
    "LOCALES",
    "TORONTO",
    "Explanation",
    "Piece",
    "Said",
    "Status",
    "answer",
    "calendar_file",
    "day",
    "environment",
    "flowing",
    "gettext",
    "hint",
    "hour",
    "identity",
    "instant",
    "mail_name",
    "moment",
    "nbsp",
    "needed",
    "ngettext",
    "not_decided_in_time",
    "number",
    "outcome",
    "pieces",
    "reason",
    "refused_for",
    "said",
    "say",
    "status",
    "step",
    "why_not",
    "window",
    "without_keys",
]
