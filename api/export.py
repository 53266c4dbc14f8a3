"""A member's own data as one file: every field named, nobody else in it, and nothing that opens anything."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from api.portal import Portal
from portal.rules.votes import VoteState
from portal.store import Session, accounts, holdings, journal, mail, sessions
from portal.store.doors import DoorRequest
from portal.store.holdings import Past
from portal.store.journal import Entry
from portal.store.mail import Kept
from portal.store.sessions import Visitor
from portal.text import gettext, outcome, reason, said, without_keys
from portal.text.catalogues import N_

# Grows when a field changes its meaning or goes; a new one changes nothing for whoever reads the file.
SCHEMA_VERSION = 1
# More than anybody was ever sent.
EVERY_MAIL = 100_000

# Every part of the file, in the words of whoever opens it.
SECTIONS = {
    "made_at": N_("quand ce fichier a été fait ; chaque instant est en UTC"),
    "roll": N_("ce que le registre des membres de l'ACEP dit de vous"),
    "account": N_("votre compte : adresse, preuve de l'adresse, date du mot de passe ; jamais le mot de passe"),
    "identity": N_("quand votre identité a été confirmée, et jusqu'à quand elle sert"),
    "campaigns": N_("où vous en êtes, et où vous en étiez, dans chaque campagne"),
    "submissions": N_("chaque envoi de pièces d'identité et ce qu'il est devenu ; les photos n'y sont pas"),
    "requests": N_(
        "vos demandes acceptées, enregistrer votre courriel ou devenir membre, et ce que vous y aviez écrit"
    ),
    "registrations": N_("vos inscriptions aux votes ; jamais un choix"),
    "participation": N_(
        "les votes que vous avez déposés, quand, et ce qu'ils sont devenus ; jamais un choix, ni le vote scellé"
    ),
    "mails": N_("les courriels que nous vous avons envoyés, sans les liens et les codes qui ouvrent quelque chose"),
    "links": N_("les liens à usage unique envoyés à votre adresse, sans le lien lui-même"),
    "sessions": N_("où vous êtes sur le portail en ce moment"),
    "trail": N_("qui a touché à votre dossier, et quand : des rôles, jamais des noms"),
}


async def everything(session: Session, portal: Portal, visitor: Visitor, language: str) -> str:
    """The whole file, read for the person signed in and nobody else."""
    member, account = await holdings.person(session, visitor.account_id)
    roles = await accounts.roles(session, account.id)
    requests = await holdings.requests(session, account.id)
    mails = await mail.sent_to(session, account.id, EVERY_MAIL, requests=[asked.id for asked in requests])
    translate = gettext(language)
    until = member.identity_verified_at and member.identity_verified_at + portal.identity_valid_for
    origin = portal.settings.origin.rstrip("/")
    data: dict[str, object] = {
        "schema": {
            "name": "scrutin-file",
            "version": SCHEMA_VERSION,
            "language": language,
            "sections": {name: translate(words) for name, words in SECTIONS.items()},
        },
        "made_at": datetime.now(UTC),
        "roll": {
            "number": member.number, "given_name": member.given_name, "family_name": member.family_name,
            "street": member.street, "city": member.city, "province": member.province,
            "postal_code": member.postal_code, "group": member.group, "standing": member.standing,
            "language": member.language, "language_chosen_at": member.language_chosen_at, "left_at": member.left_at,
        },
        "account": {
            "email": account.email, "email_verified_at": account.email_verified_at,
            "has_password": account.password_hash is not None, "password_set_at": account.password_set_at,
            "reminders_off_at": account.reminders_off_at, "wrong_number_tries": account.number_tries,
            "staff_roles": sorted(roles),
        },
        "identity": {"verified_at": member.identity_verified_at, "valid_until": until},
        "campaigns": [
            {
                "campaign": campaign.code, "title": campaign.title(language), "step": file.step,
                "started_at": file.started_at, "waiting_since": file.waiting_since,
                "last_step_at": file.last_step_at, "reminders": file.reminders_in_all, "ended_at": file.ended_at,
            }
            for campaign, file in await holdings.files(session, member.id)
        ],
        "submissions": [_submission(past, language) for past in await holdings.submissions(session, member.id)],
        "requests": [_request(asked) for asked in requests],
        "registrations": [
            {
                "campaign": campaign.code, "ballot": ballot.code, "title": ballot.title(language),
                "registered_at": registration.registered_at, "confirmed_at": registration.confirmed_at,
            }
            for campaign, ballot, registration in await holdings.registrations(session, member.id)
        ],
        "participation": [
            {
                "campaign": one.campaign.code, "ballot": one.ballot.code, "title": one.ballot.title(language),
                "voted_at": one.cast_at, "state": one.state.value,
                "settled_by": one.settled_by if one.state is VoteState.OPEN else None,
            }
            for one in await holdings.participation(session, member.id)
        ],
        "mails": [_mail(row, origin) for row in mails],
        "links": await holdings.links(session, account.id),
        "sessions": [
            {
                "kind": each.kind, "browser": each.browser, "since": each.created_at, "last_seen_at": each.seen_at,
                "ends_at": each.expires_at, "current": each.current,
            }
            for each in await sessions.of_account(session, account.id, visitor.token_hash)
        ],
        "trail": [_line(entry, language) for entry in await journal.of_member(session, member.id, most=None)],
    }  # fmt: skip
    return json.dumps(data, ensure_ascii=False, indent=2, default=_written)


def _submission(past: Past, language: str) -> Mapping[str, object]:
    row, note = past.submission, past.note
    return {
        "campaign": past.campaign.code, "document_kinds": past.kinds, "list_version": row.list_version,
        "staged_at": row.staged_at, "received_at": row.submitted_at,
        "contests_a_decision": row.appeal_of is not None, "status": past.status,
        "outcome": outcome(past.status, language), "decided_at": past.decided_at,
        # In the words that the member was written: the code itself is the reviewers'.
        "reason": reason(past.reason, language).reason if past.reason else None,
        "note": None if note is None else {"fr": note.fr, "en": note.en},
        "over_at": row.over_at, "erased_at": row.erased_at, "certificate": past.certificate,
        "erased_by": None if row.erased_at else past.erased_by,
    }  # fmt: skip


def _request(asked: DoorRequest) -> Mapping[str, object]:
    return {
        "door": asked.kind, "status": asked.status, "asked_at": asked.asked_at, "proven_at": asked.proven_at,
        "decided_at": asked.decided_at, "ended_at": asked.ended_at, "language": asked.language,
        # What was typed; gone once it is forgotten.
        "email": asked.email, "number": asked.number, "typed": asked.said,
    }  # fmt: skip


def _mail(row: Kept, origin: str) -> Mapping[str, object]:
    return {
        "kind": row.kind, "sent_at": row.sent_at, "failed_at": row.failed_at,
        "subject": row.said_subject,
        "text": None if row.said_text is None else without_keys(row.said_text, row.kind, origin),
    }  # fmt: skip


def _line(entry: Entry, language: str) -> Mapping[str, object]:
    line = said(entry.actor, entry.action, entry.code, language)
    return {
        "at": entry.at, "actor": entry.actor, "action": entry.action, "who": line.who, "what": line.what,
        "more": line.more or None,
    }  # fmt: skip


def _written(value: object) -> str:
    assert isinstance(value, datetime), "ids and bytes have no place in this file"
    return value.isoformat()
