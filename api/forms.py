"""What a form of each page may hold: nothing else is taken, and nothing is longer than it needs to be."""

from typing import Annotated

from fastapi import Form
from pydantic import BaseModel, ConfigDict, Field, field_validator

# A hash is never computed of more than this; what is longer is refused unread (security-tests.md T07).
Password = Annotated[str, Field(max_length=1024)]
Short = Annotated[str, Field(max_length=320)]


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _readable(cls, value: str | list[str]) -> str | list[str]:
        # The one character that PostgreSQL cannot hold: no keyboard types it.
        if any("\0" in one for one in ([value] if isinstance(value, str) else value)):
            raise ValueError("unreadable")
        return value


class Sent(_Fields):
    """Every form of a signed-in page: its session's token, and the id of the step it asks for."""

    form_token: Annotated[str, Field(max_length=64)] = ""
    key: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9-]*$")] = ""


class SignInFields(_Fields):
    email: Short = ""
    password: Password = ""
    # A verification link that was opened before signing in.
    token: Annotated[str, Field(max_length=64)] = ""
    # Where to go afterwards, and a form that was sent after its session was over.
    back_to: Annotated[str, Field(max_length=200)] = ""
    kept: Annotated[str, Field(max_length=4000)] = ""


class ReceiptFields(_Fields):
    """On a public page: no session, and what is typed stands in no address."""

    receipt: Annotated[str, Field(max_length=100)] = ""


class EmailFields(_Fields):
    email: Short = ""


class NewPasswordFields(_Fields):
    token: Annotated[str, Field(max_length=64)] = ""
    password: Password = ""
    again: Password = ""


class FirstPasswordFields(Sent):
    password: Password = ""
    again: Password = ""


class CodeFields(Sent):
    code: Annotated[str, Field(max_length=32)] = ""


class FactorFields(Sent):
    # What the browser says for a key (JSON), or the code of an authenticator.
    answer: Annotated[str, Field(max_length=16_000)] = ""
    code: Annotated[str, Field(max_length=32)] = ""
    back_to: Annotated[str, Field(max_length=200)] = ""
    kept: Annotated[str, Field(max_length=4000)] = ""


class NewKeyFields(Sent):
    answer: Annotated[str, Field(max_length=32_000)] = ""
    name: Annotated[str, Field(max_length=200)] = ""


class KeyFields(Sent):
    passkey_id: Annotated[str, Field(max_length=64)] = ""


class InvitationFields(NewPasswordFields):
    pass


class InviteFields(Sent):
    email: Short = ""
    # One field for each role: what is not ticked is not sent.
    reviewer: Annotated[str, Field(max_length=8)] = ""
    operator: Annotated[str, Field(max_length=8)] = ""
    officer: Annotated[str, Field(max_length=8)] = ""
    auditor: Annotated[str, Field(max_length=8)] = ""


class StaffActFields(Sent):
    act: Annotated[str, Field(max_length=32)] = ""
    role: Annotated[str, Field(max_length=32)] = ""


class LinkFields(Sent):
    token: Annotated[str, Field(max_length=64)] = ""


class RemindersFields(_Fields):
    token: Annotated[str, Field(max_length=64)] = ""
    wanted: Annotated[str, Field(max_length=8)] = ""
    # What a mail provider sends in the reader's name (RFC 8058), in a form of its own.
    one_click: Annotated[str, Field(alias="List-Unsubscribe", max_length=32)] = ""


class SubmissionFields(Sent):
    submission_id: Annotated[str, Field(max_length=64)] = ""


class SessionFields(Sent):
    session_id: Annotated[str, Field(max_length=64)] = ""


class LanguageFields(Sent):
    language: Annotated[str, Field(max_length=2)] = ""


class RegisterFields(Sent):
    password: Password = ""
    ballots: Annotated[str, Field(max_length=2000)] = ""


class UnlockFields(Sent):
    password: Password = ""


class BoothFields(Sent):
    # The hash of what the page asked; and the answers, from a page without scripts only.
    definition: Annotated[str, Field(max_length=64)] = ""
    choice: Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=64)] = []


class ReviewFields(BoothFields):
    # « Modifier mon choix ».
    edit: Annotated[str, Field(max_length=8)] = ""


class CastFields(BoothFields):
    sealed: Annotated[str, Field(max_length=2000)] = ""
    password: Password = ""


class DecisionFields(Sent):
    verdict: Annotated[str, Field(max_length=16)] = ""
    reason: Annotated[str, Field(max_length=32)] = ""
    note_fr: Annotated[str, Field(max_length=2000)] = ""
    note_en: Annotated[str, Field(max_length=2000)] = ""


# Whatever somebody pastes into a field of a door comes back with a sentence; what is longer is no form of ours.
Typed = Annotated[str, Field(max_length=20_000)]
Key = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9-]*$")]


class ReviewDecisionFields(DecisionFields):
    confirmed: Annotated[str, Field(max_length=8)] = ""


class GiveBackFields(Sent):
    # The reviewer knows whose case it is.
    knows: Annotated[str, Field(max_length=8)] = ""


# Read once, compared, and gone with the answer.
Seen = Annotated[str, Field(max_length=300)]


class ComparisonFields(Sent):
    name: Seen = ""
    street: Seen = ""
    city: Seen = ""
    postal_code: Seen = ""


class RegisterEmailFields(_Fields):
    key: Key = ""
    number: Typed = ""
    given_name: Typed = ""
    family_name: Typed = ""
    postal_code: Typed = ""
    email: Typed = ""


class JoinFields(Sent):
    given_name: Typed = ""
    family_name: Typed = ""
    street: Typed = ""
    city: Typed = ""
    province: Typed = ""
    postal_code: Typed = ""
    email: Typed = ""
    phone: Typed = ""
    employer: Typed = ""
    group: Typed = ""
    language: Typed = ""
    number: Typed = ""
    declaration: Typed = ""


class ProofFields(_Fields):
    token: Annotated[str, Field(max_length=64)] = ""


class RequestDecisionFields(DecisionFields):
    # The entry of the roll that stood beside the request, or the word for none.
    compared: Annotated[str, Field(max_length=64)] = ""
    number: Annotated[str, Field(max_length=32)] = ""
    group: Annotated[str, Field(max_length=16)] = ""


class RollConfirmFields(Sent):
    # The counts that stood on the page, as one mark; and that its doubts were looked at.
    seen: Annotated[str, Field(max_length=64)] = ""
    doubts: Annotated[str, Field(max_length=8)] = ""


class RollLookUpFields(Sent):
    numero: Annotated[str, Field(max_length=500)] = ""
    # What stood beside the request until now.
    compared: Annotated[str, Field(max_length=64)] = ""


class ActFields(Sent):
    act: Annotated[str, Field(max_length=16)] = ""


class PaperFields(Sent):
    reason: Annotated[str, Field(max_length=32)] = ""
    confirmed: Annotated[str, Field(max_length=8)] = ""


class PaperOfFields(Sent):
    paper_id: Annotated[str, Field(max_length=64)] = ""


SentForm = Annotated[Sent, Form()]
SignInForm = Annotated[SignInFields, Form()]
ReceiptForm = Annotated[ReceiptFields, Form()]
EmailForm = Annotated[EmailFields, Form()]
NewPasswordForm = Annotated[NewPasswordFields, Form()]
FirstPasswordForm = Annotated[FirstPasswordFields, Form()]
CodeForm = Annotated[CodeFields, Form()]
FactorForm = Annotated[FactorFields, Form()]
NewKeyForm = Annotated[NewKeyFields, Form()]
KeyForm = Annotated[KeyFields, Form()]
InvitationForm = Annotated[InvitationFields, Form()]
InviteForm = Annotated[InviteFields, Form()]
StaffActForm = Annotated[StaffActFields, Form()]
LinkForm = Annotated[LinkFields, Form()]
RemindersForm = Annotated[RemindersFields, Form()]
SubmissionForm = Annotated[SubmissionFields, Form()]
SessionForm = Annotated[SessionFields, Form()]
LanguageForm = Annotated[LanguageFields, Form()]
RegisterForm = Annotated[RegisterFields, Form()]
UnlockForm = Annotated[UnlockFields, Form()]
ReviewForm = Annotated[ReviewFields, Form()]
CastForm = Annotated[CastFields, Form()]
DecisionForm = Annotated[ReviewDecisionFields, Form()]
ComparisonForm = Annotated[ComparisonFields, Form()]
GiveBackForm = Annotated[GiveBackFields, Form()]
RegisterEmailForm = Annotated[RegisterEmailFields, Form()]
JoinForm = Annotated[JoinFields, Form()]
ProofForm = Annotated[ProofFields, Form()]
RequestDecisionForm = Annotated[RequestDecisionFields, Form()]
RollConfirmForm = Annotated[RollConfirmFields, Form()]
RollLookUpForm = Annotated[RollLookUpFields, Form()]
ActForm = Annotated[ActFields, Form()]
PaperForm = Annotated[PaperFields, Form()]
PaperOfForm = Annotated[PaperOfFields, Form()]
