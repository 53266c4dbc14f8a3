"""What must always be running, by the ids under which it runs."""

RELAY = "relay"
# Both the schedule and what it starts.
SWEEP = "sweep"


def campaign_workflow(campaign_code: str) -> str:
    return f"campaign-{campaign_code}"
