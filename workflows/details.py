"""What an operator reads in the Temporal UI: whose turn it is, since when, until when, what may be done. No person."""

from dataclasses import dataclass
from datetime import datetime

from portal.rules.campaigns import Calendar, Notice
from portal.rules.doors import Due, Status
from portal.rules.onboarding import Step
from workflows.file import MemberFile


@dataclass(frozen=True)
class Turn:
    """Who acts next, and what an operator may do about it."""

    waits_for: str
    whose: str
    remedy: str


TURNS = {
    Step.EMAIL: Turn(
        "Waiting for the member to verify the address",
        "the member's",
        "nothing to do here; if the mail does not arrive, send it again from the operations page of the portal",
    ),
    Step.IDENTITY: Turn(
        "Waiting for the member to send identity documents",
        "the member's",
        "nothing to do here; reminders leave by themselves",
    ),
    Step.REGISTRATION: Turn(
        "Waiting for the member to register for ballots",
        "the member's",
        "nothing to do here; reminders leave by themselves",
    ),
    Step.REVIEW: Turn(
        "Waiting for a reviewer",
        "a reviewer's",
        "decide in the portal: a signal sent from here counts only with the decision in the records",
    ),
    Step.REFUSED: Turn(
        "Refused by two reviewers",
        "nobody's, unless the member appeals",
        "nothing to do; an appeal comes back to the reviewers by itself",
    ),
    Step.DONE: Turn("Ready to vote: nothing is waited for", "nobody's", "nothing to do"),
    Step.ENDED: Turn("The campaign is over", "nobody's", "nothing to do"),
}
REQUESTS = {
    Status.ASKED: Turn(
        "Waiting for the proof that the address works",
        "the person's who asked",
        "nothing to do here; a reminder leaves by itself, then the request lapses",
    ),
    Status.PROVEN: Turn(
        "Waiting for somebody at the desk to decide", "the desk's", "decide in the portal, on the page of the requests"
    ),
    Status.DECIDED: Turn(
        "Decided, to be applied", "the worker's", "look at the pending activity if it stays so for a minute"
    ),
    Status.ACCEPTED: Turn("Accepted", "nobody's", "nothing to do"),
    Status.REFUSED: Turn("Answered with a reason", "nobody's", "nothing to do"),
    Status.LAPSED: Turn("Closed: the link was not opened in time", "nobody's", "nothing to do"),
}

FILE = (
    "One member in one campaign. The member acts by updates; reviewers decide in the portal, and their signals "
    "`approve` and `reject` count only with the decision in the records.\n\n"
    "- **Watch**: the activity `erase_documents`. It is tried again without end until the pictures are gone.\n"
    "- **If this is terminated**: nothing is lost. The file is taken up from the records by the member's next step, "
    "or by the relay when a decision waits.\n"
    "- **Cancelling** ends the file and deletes the member's documents: do it only when the union asks for it."
)
REQUEST = (
    "One form sent at a door of the portal, by somebody who cannot sign in yet.\n\n"
    "- **Signals** `proven` and `decided` only wake it up: the records say what happened.\n"
    "- **If this is terminated**: the relay starts it again as long as something waits for it."
)
RENEWAL = (
    "From the link for a new password to its use or its end. It holds no right: the link itself is in the records.\n\n"
    "- **If this is terminated**: the link works all the same."
)
CAMPAIGN = (
    "The calendar of one campaign: queues each notice at its instant, and tells open files when the calendar has "
    "moved. It opens and closes nothing: the records do, by their own clock.\n\n"
    "- **If this is terminated**: the worker starts it again within a minute, and nothing is sent twice."
)
RELAY = (
    "Sends the mails that are due, one shift of a quarter of an hour after another, for ever.\n\n"
    "- **Watch**: the activity `relay`; its attempts grow while the database is away. A mail server that is away "
    "does not show here: the mails wait, and the operations page of the portal says how many.\n"
    "- **If this is terminated**: the worker starts it again within a minute. A mail is never sent twice but when a "
    "relay dies between the server's answer and the records; it then carries the same Message-ID."
)
SWEEP = (
    "Once an hour: deletes every picture that has no open case, ends what nobody ended in time, destroys the keys "
    "of days that are over. It needs no member's workflow.\n\n"
    "- **If one fails**: look at its failure; the next one does the same work."
)
ON_SHIFT = "**Sends what is due**\n\n- whose turn: the worker's\n- you may: nothing to do; watch the pending activity\n"
SWEEPING = "**Deletes whatever has no open case**\n\n- whose turn: the worker's\n- you may: nothing to do\n"


def of_file(file: MemberFile, *, erasing: int) -> str:
    """Markdown for the current details of a member's workflow."""
    turn, deadline = TURNS[file.step], file.nearest
    return (
        f"**{turn.waits_for}**\n\n"
        f"- whose turn: {turn.whose}, since {_instant(file.waiting_since)}\n"
        f"- next deadline: {deadline.kind}, {_instant(deadline.at)}\n"
        f"- you may: {turn.remedy}\n"
        f"- address verified: {'yes' if file.email_verified else 'no'}\n"
        f"- identity: {file.identity}, submissions of documents: {file.attempts}\n"
        f"- registered: {len(file.registered)} of {len(file.own)} ballots\n"
        f"- deletions under way: {erasing}\n"
        f"- calendar: version {file.calendar.version}\n"
    )


def of_request(status: Status, since: datetime, due: Due | None) -> str:
    turn = REQUESTS[status]
    following = "none" if due is None else f"{due.moment}, {_instant(due.at)}"
    return (
        f"**{turn.waits_for}**\n\n"
        f"- whose turn: {turn.whose}, since {_instant(since)}\n"
        f"- next moment: {following}\n"
        f"- you may: {turn.remedy}\n"
    )


def of_renewal(ends_at: datetime) -> str:
    return (
        "**Waiting for the link to be used**\n\n"
        f"- whose turn: the person's who asked for it\n- next deadline: the link ends, {_instant(ends_at)}\n"
        "- you may: nothing to do; whoever lost the mail asks for another link\n"
    )


def of_campaign(code: str, calendar: Calendar, *, told: int, queued: int, notice: Notice | None) -> str:
    following = "none left" if notice is None else f"{notice.kind}, {_instant(notice.due)}"
    return (
        f"**Campaign {code}**\n\n"
        f"- opens {_instant(calendar.opens)}, closes {_instant(calendar.closes)}\n"
        f"- calendar: version {calendar.version}, every open file knows version {told}\n"
        f"- notices queued: {queued}\n"
        f"- next notice: {following}\n"
        "- you may: nothing to do here; officers move the calendar in the portal\n"
    )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
