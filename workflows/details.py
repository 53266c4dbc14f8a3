"""What an operator reads about a member's file in the Temporal UI: plain words, no person."""

from portal.rules.onboarding import Step
from workflows.messages import Progress

WAITS_FOR = {
    Step.EMAIL: "Waiting for the member to verify the address",
    Step.IDENTITY: "Waiting for the member to send identity documents",
    Step.REGISTRATION: "Waiting for the member to register for ballots",
    Step.REVIEW: "Waiting for a reviewer",
    Step.REFUSED: "Refused by two reviewers: waiting for nothing, unless the member appeals",
    Step.DONE: "Ready to vote: nothing is waited for",
    Step.ENDED: "The campaign is over",
}


def in_plain_words(progress: Progress) -> str:
    """Markdown for the current details of the workflow."""
    return (
        f"**{WAITS_FOR[progress.step]}**\n\n"
        f"- address verified: {'yes' if progress.email_verified else 'no'}\n"
        f"- identity: {progress.identity}\n"
        f"- registered: {progress.registered} of {progress.own_ballots} ballots\n"
        f"- deletions under way: {progress.erasing}\n"
        f"- next deadline: {progress.next_deadline}, {progress.next_deadline_at:%Y-%m-%d %H:%M} UTC\n"
        f"- calendar: version {progress.calendar_version}\n"
    )
