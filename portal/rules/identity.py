"""Identity documents: which are accepted, what may be decided, how long they may live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from portal.rules.refusals import Refusal

# Changed whenever the list below changes: a submission is judged by the list its member saw.
LIST_VERSION = "2026-11"


class Proof(StrEnum):
    """What one document proves."""

    BOTH = "both"
    PHOTO = "photo"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class DocumentKind:
    code: str
    proof: Proof
    fr: str
    en: str

    def name(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


ACCEPTED = (
    DocumentKind("driving-licence", Proof.BOTH, "Permis de conduire", "Driver’s licence"),
    DocumentKind("provincial-card", Proof.BOTH, "Carte-photo provinciale ou territoriale", "Provincial or territorial photo card"),
    DocumentKind("nexus", Proof.BOTH, "Carte NEXUS", "NEXUS card"),
    DocumentKind("other-both", Proof.BOTH, "Autre carte avec photo et adresse du domicile", "Other card with photo and home address"),
    DocumentKind("passport", Proof.PHOTO, "Passeport", "Passport"),
    DocumentKind("citizenship", Proof.PHOTO, "Carte de citoyenneté ou de résidence permanente", "Citizenship or permanent resident card"),
    DocumentKind("indian-status", Proof.PHOTO, "Certificat de statut d’Indien", "Certificate of Indian status"),
    DocumentKind("employer-card", Proof.PHOTO, "Carte-photo de l’employeur", "Employer’s photo card"),
    DocumentKind("utility-bill", Proof.ADDRESS, "Facture d’un service public", "Utility bill"),
    DocumentKind("bank-statement", Proof.ADDRESS, "Relevé bancaire", "Bank statement"),
    DocumentKind("lease", Proof.ADDRESS, "Bail", "Lease"),
    DocumentKind("insurance", Proof.ADDRESS, "Avis d’assurance", "Insurance notice"),
    DocumentKind("tax-notice", Proof.ADDRESS, "Avis d’imposition", "Tax notice"),
)  # fmt: skip

KINDS = {kind.code: kind for kind in ACCEPTED}


class SubmissionStatus(StrEnum):
    STAGED = "staged"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    REFUSED = "refused"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ABANDONED = "abandoned"


# Nothing of a submission in one of these may remain stored.
OVER = frozenset(
    {
        SubmissionStatus.APPROVED, SubmissionStatus.REJECTED, SubmissionStatus.REFUSED, SubmissionStatus.REPLACED,
        SubmissionStatus.WITHDRAWN, SubmissionStatus.EXPIRED, SubmissionStatus.ABANDONED,
    }
)  # fmt: skip


class Verdict(StrEnum):
    APPROVE = "approve"
    # A better photo is asked for.
    REJECT = "reject"
    # The identity is not confirmed: it takes two reviewers, and the member may appeal.
    REFUSE = "refuse"


class Reason(StrEnum):
    UNREADABLE = "unreadable"
    CUT_OFF = "cut-off"
    EXPIRED = "expired"
    TYPE_NOT_ACCEPTED = "type-not-accepted"
    NO_ADDRESS = "no-address"
    NAME_DIFFERS = "name-differs"
    ADDRESS_DIFFERS = "address-differs"
    SUSPECTED_FRAUD = "suspected-fraud"
    OTHER = "other"


NOTE_MAX_LENGTH = 200

# How long a reviewer may keep a case open before the next one may take it.
CLAIM_LEASE = timedelta(minutes=15)
# A submission nobody decided in this time is deleted and the member is asked again (brief §4).
UNDECIDED_FOR = timedelta(days=30)
# An upload whose form never arrived.
STAGED_FOR = timedelta(hours=1)
# The promise to the member, and when the operators are alarmed.
ERASURE_TARGET = timedelta(minutes=15)
ERASURE_ALARM = timedelta(hours=1)
# A day's key is destroyed on this day after it at the latest: older backups are dead by construction.
KEY_LIFETIME = timedelta(days=31)


def undecided_until(submitted_at: datetime) -> datetime:
    return submitted_at + UNDECIDED_FOR


def erased_by(
    status: SubmissionStatus, *, staged_at: datetime, submitted_at: datetime | None, over_at: datetime | None,
    ends: datetime,
) -> datetime:  # fmt: skip
    """When the pictures of a submission are gone at the latest, as promised to their owner."""
    if over_at is not None:
        return over_at + ERASURE_TARGET
    if status is SubmissionStatus.STAGED or submitted_at is None:
        # Found by the sweep that comes after, erased by the next: each within an hour.
        return staged_at + STAGED_FOR + 2 * ERASURE_ALARM
    return min(undecided_until(submitted_at), ends) + ERASURE_TARGET


def certificate_number(submission_id: UUID) -> str:
    """The number a member may quote; drawn from the random id of the submission, it tells nothing else."""
    digits = submission_id.hex[:12].upper()
    return f"S-{digits[:4]}-{digits[4:8]}-{digits[8:]}"


def complete_set(kinds: Sequence[str]) -> Refusal | None:
    """One document that proves both, or one for the photo and one for the address."""
    if not kinds or any(code not in KINDS for code in kinds) or len(kinds) > 2:
        return Refusal.DOCUMENT_KIND_MISSING
    proofs = {KINDS[code].proof for code in kinds}
    if Proof.BOTH in proofs or proofs == {Proof.PHOTO, Proof.ADDRESS}:
        return None
    return Refusal.SECOND_DOCUMENT_MISSING


def reason_given(verdict: Verdict, reason: Reason | None, note_fr: str, note_en: str) -> Refusal | None:
    """A rejection or a refusal says why, by a code; «other» says it in both languages, so that neither ships without the other."""
    if verdict is Verdict.APPROVE:
        return None
    if reason is None:
        return Refusal.REASON_NEEDED
    if reason is Reason.OTHER and not (note_fr.strip() and note_en.strip()):
        return Refusal.REASON_NEEDED
    if max(len(note_fr), len(note_en)) > NOTE_MAX_LENGTH:
        return Refusal.REASON_NEEDED
    return None
