"""One check is one sentence: all is well, look at this, or this is broken; and what helps."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum

# For one check, whatever it waits for.
PATIENCE = 8.0


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in words that hold no secret, and the remedy unless all is well."""

    state: State
    said: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    name: str
    finding: Finding

    def as_data(self) -> dict[str, str]:
        return {"name": self.name, **{key: str(value) for key, value in asdict(self.finding).items()}}


Check = Callable[[], Awaitable[Finding]]


def ok(said: str) -> Finding:
    return Finding(State.OK, said)


def warning(said: str, remedy: str) -> Finding:
    return Finding(State.WARNING, said, remedy)


def failed(said: str, remedy: str) -> Finding:
    return Finding(State.FAILED, said, remedy)


async def look(checks: Mapping[str, Check], within: float = PATIENCE) -> list[Named]:
    """All at once, each with its own deadline, in their order."""
    findings = await asyncio.gather(*(_one(check, within) for check in checks.values()))
    return [Named(name, finding) for name, finding in zip(checks, findings, strict=True)]


async def _one(check: Check, within: float) -> Finding:
    try:
        async with asyncio.timeout(within):
            return await check()
    except TimeoutError:
        return failed(f"no answer within {within:g} seconds", "see whether the server is up and can be reached")
    except Exception as error:  # whatever it is: a doctor that falls over helps nobody
        # Its text may hold an address with a password, or a row.
        return failed(f"could not be looked at: {type(error).__name__}", "see whether the server is up, then its log")


def of_age(
    what: str, count: int, age: timedelta | None, *, soon: timedelta, late: timedelta, remedy: str
) -> Finding:  # fmt: skip
    """What has been left for so long."""
    if age is None or age <= soon:
        return ok(f"no {what} has waited longer than {_minutes(soon)}")
    said = f"{count} {what}{'s' if count > 1 else ''}, the oldest for {_minutes(age)}"
    return failed(said, remedy) if age > late else warning(said, remedy)


def _minutes(period: timedelta) -> str:
    minutes = int(period.total_seconds() // 60)
    return f"{minutes} min" if minutes < 180 else f"{minutes // 60} h"
