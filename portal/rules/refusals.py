"""Every reason the union says no."""

from enum import StrEnum


class Refusal(StrEnum):
    """A code, never a sentence: pages and mails say it in the reader's language."""

    # accounts
    WRONG_PAIR = "wrong-pair"
    TOO_MANY_TRIES = "too-many-tries"
    SIGN_IN_NEEDED = "sign-in-needed"
    WRONG_PASSWORD = "wrong-password"
    PASSWORD_TOO_SHORT = "password-too-short"
    PASSWORD_TOO_LONG = "password-too-long"
    PASSWORD_TOO_EASY = "password-too-easy"
    PASSWORD_CONTROL_CHARACTER = "password-control-character"
    PASSWORDS_DIFFER = "passwords-differ"
    PASSWORD_MUST_BE_RENEWED = "password-must-be-renewed"
    NOT_ALLOWED = "not-allowed"

    # the second factor of staff
    SESSION_SUPERSEDED = "session-superseded"
    STAFF_SUSPENDED = "staff-suspended"
    FACTOR_NEEDED = "factor-needed"
    PASSKEY_REFUSED = "passkey-refused"
    PASSKEY_KNOWN = "passkey-known"
    TOO_MANY_PASSKEYS = "too-many-passkeys"
    FACTOR_CODE_WRONG = "factor-code-wrong"
    FACTOR_NAME_NEEDED = "factor-name-needed"
    LAST_FACTOR = "last-factor"
    RECOVERY_CODE_WRONG = "recovery-code-wrong"

    # staff accounts
    OWN_ACCOUNT = "own-account"
    LAST_OFFICER = "last-officer"
    OFFICER_NEEDS_ANOTHER = "officer-needs-another"
    RESET_NEEDS_ANOTHER = "reset-needs-another"
    ROLE_TOO_NEW = "role-too-new"
    EMAIL_UNREADABLE = "email-unreadable"
    ROLE_NEEDED = "role-needed"

    BUSY = "busy"

    # links
    LINK_UNKNOWN = "link-unknown"
    LINK_EXPIRED = "link-expired"
    LINK_SUPERSEDED = "link-superseded"
    LINK_USED = "link-used"
    CODE_WRONG = "code-wrong"

    # onboarding
    NO_CAMPAIGN = "no-campaign"
    CAMPAIGN_ENDED = "campaign-ended"
    CAMPAIGN_CANCELLED = "campaign-cancelled"
    EMAIL_NOT_VERIFIED = "email-not-verified"
    EMAIL_ALREADY_VERIFIED = "email-already-verified"
    MAIL_JUST_SENT = "mail-just-sent"
    NO_EMAIL_ON_FILE = "no-email-on-file"
    IDENTITY_ALREADY_APPROVED = "identity-already-approved"
    DOCUMENTS_UNDER_REVIEW = "documents-under-review"
    NO_DOCUMENTS = "no-documents"
    DOCUMENTS_GONE = "documents-gone"
    DOCUMENTS_NEEDED = "documents-needed"
    WITHDRAW_TOO_LATE = "withdraw-too-late"
    IDENTITY_REFUSED = "identity-refused"
    APPEAL_TOO_LATE = "appeal-too-late"
    APPEAL_ALREADY_MADE = "appeal-already-made"
    NOTHING_TO_APPEAL = "nothing-to-appeal"

    # pictures of identity documents
    PICTURE_MISSING = "picture-missing"
    PICTURE_TOO_HEAVY = "picture-too-heavy"
    PICTURE_NOT_JPEG = "picture-not-jpeg"
    PICTURE_TOO_MANY_PIXELS = "picture-too-many-pixels"
    PICTURE_TOO_INTRICATE = "picture-too-intricate"
    PICTURE_DAMAGED = "picture-damaged"
    PICTURE_TOO_SMALL = "picture-too-small"
    PICTURE_TOO_DARK = "picture-too-dark"
    PICTURE_TOO_BRIGHT = "picture-too-bright"
    PICTURE_TOO_BLURRED = "picture-too-blurred"
    DOCUMENT_KIND_MISSING = "document-kind-missing"
    SECOND_DOCUMENT_MISSING = "second-document-missing"
    TOO_MANY_UPLOADS = "too-many-uploads"

    # registration
    NO_BALLOT_CHOSEN = "no-ballot-chosen"
    BALLOT_UNKNOWN = "ballot-unknown"
    BALLOT_NOT_YOURS = "ballot-not-yours"
    MEMBERS_ONLY = "members-only"
    LEFT_THE_ROLL = "left-the-roll"
    REGISTRATION_NOT_OPEN = "registration-not-open"
    REGISTRATION_CLOSED = "registration-closed"
    VOTES_ON_PAPER = "votes-on-paper"

    # review
    CLAIM_NEEDED = "claim-needed"
    CLAIM_EXPIRED = "claim-expired"
    CLAIM_TAKEN_BACK = "claim-taken-back"
    CLAIM_GIVEN_BACK = "claim-given-back"
    NEWER_SUBMISSION = "newer-submission"
    ALREADY_DECIDED = "already-decided"
    ANOTHER_REVIEWER_NEEDED = "another-reviewer-needed"
    UNDO_TOO_LATE = "undo-too-late"
    OWN_FILE = "own-file"
    REASON_NEEDED = "reason-needed"
    COMPARISON_NEEDED = "comparison-needed"
    DIFFERENCES_TO_CONFIRM = "differences-to-confirm"
    ROLL_SEEN_FIRST = "roll-seen-first"
    PROLONGED_ALREADY = "prolonged-already"
    TOO_MANY_CASES = "too-many-cases"
    NO_CASE = "no-case"
    CASE_HELD = "case-held"
    ONE_CASE_AT_A_TIME = "one-case-at-a-time"

    # campaigns
    CAMPAIGN_UNKNOWN = "campaign-unknown"
    CAMPAIGN_CODE_UNUSABLE = "campaign-code-unusable"
    CAMPAIGN_CODE_TAKEN = "campaign-code-taken"
    BALLOT_CODE_TAKEN = "ballot-code-taken"
    BOTH_LANGUAGES_NEEDED = "both-languages-needed"
    DATE_UNREADABLE = "date-unreadable"
    TIME_UNREADABLE = "time-unreadable"
    TIME_SKIPPED = "time-skipped"
    TIME_TWICE = "time-twice"
    ZONE_UNKNOWN = "zone-unknown"
    DATES_OUT_OF_ORDER = "dates-out-of-order"
    CLOSING_ONLY_LATER = "closing-only-later"
    ALREADY_HAPPENED = "already-happened"
    INSTANT_PASSED = "instant-passed"
    NOTHING_CHANGED = "nothing-changed"
    ELECTORATE_NEEDED = "electorate-needed"
    CANDIDATES_NEEDED = "candidates-needed"
    CANDIDATE_UNKNOWN = "candidate-unknown"
    CANDIDATE_CONFLICT = "candidate-conflict"
    CHANGE_REASON_NEEDED = "change-reason-needed"
    NO_LONGER_A_DRAFT = "no-longer-a-draft"
    NOT_READY_TO_OPEN = "not-ready-to-open"
    PROPOSAL_OVER = "proposal-over"
    PROPOSAL_EXPIRED = "proposal-expired"
    PROPOSAL_STALE = "proposal-stale"
    SECOND_OFFICER_NEEDED = "second-officer-needed"
    TOO_MANY_MOCK_MEMBERS = "too-many-mock-members"
    REHEARSAL_NOT_OVER = "rehearsal-not-over"

    # the operations desk
    LIST_UNKNOWN = "list-unknown"
    MEMBER_UNKNOWN = "member-unknown"
    PAPER_REASON_NEEDED = "paper-reason-needed"
    PAPER_NOT_CONFIRMED = "paper-not-confirmed"
    PAPER_STANDS = "paper-stands"

    # the doors beside the entrance
    REQUEST_LAPSED = "request-lapsed"
    REQUEST_OVER = "request-over"
    REQUEST_REASON_NEEDED = "request-reason-needed"
    ROLL_ENTRY_NEEDED = "roll-entry-needed"
    ROLL_NUMBER_NEEDED = "roll-number-needed"
    ROLL_NUMBER_TAKEN = "roll-number-taken"
    ROLL_NUMBER_UNKNOWN = "roll-number-unknown"
    ADDRESS_ON_FILE = "address-on-file"
    ADDRESS_TAKEN = "address-taken"
    ALREADY_MEMBER = "already-member"

    # an import of the roll
    ROLL_FILE_MISSING = "roll-file-missing"
    ROLL_FILE_TOO_HEAVY = "roll-file-too-heavy"
    ROLL_FILE_UNREADABLE = "roll-file-unreadable"
    ROLL_IMPORT_UNDER_WAY = "roll-import-under-way"
    ROLL_IMPORT_OVER = "roll-import-over"
    ROLL_CHANGED_MEANWHILE = "roll-changed-meanwhile"
    ROLL_DOUBTS_UNSEEN = "roll-doubts-unseen"
    ROLL_SECOND_PERSON = "roll-second-person"
    ROLL_OWN_ENTRY = "roll-own-entry"


class Refused(Exception):
    """An expected no, on its way to the page that will say it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
