"""Whether mail can be sent to an address, by the standard."""

from email_validator import EmailNotValidError, validate_email


def valid_email(said: str) -> str | None:
    """The address as it is written to; None if no mail could ever arrive."""
    try:
        # «.test» reaches nobody: the demo lives there.
        found = validate_email(said, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized if "." in found.ascii_domain else None
