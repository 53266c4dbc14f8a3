"""The search attributes of every workflow: set when it starts, changed when its step does."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from portal.rules.attributes import Attribute
from workflows.file import MemberFile

CAMPAIGN = SearchAttributeKey.for_keyword(Attribute.CAMPAIGN)
STEP = SearchAttributeKey.for_keyword(Attribute.STEP)
GROUP = SearchAttributeKey.for_keyword(Attribute.GROUP)
WAITING_SINCE = SearchAttributeKey.for_datetime(Attribute.WAITING_SINCE)
ATTEMPT = SearchAttributeKey.for_int(Attribute.ATTEMPT)


def at_start(
    *, campaign_code: str | None = None, step: str | None = None, since: datetime | None = None
) -> TypedSearchAttributes:
    """What is known when a workflow is started; it costs no event."""
    pairs: list[SearchAttributePair[Any]] = []
    if campaign_code is not None:
        pairs.append(SearchAttributePair(CAMPAIGN, campaign_code))
    if step is not None:
        pairs.append(SearchAttributePair(STEP, step))
    if since is not None:
        pairs.append(SearchAttributePair(WAITING_SINCE, since))
    return TypedSearchAttributes(pairs)


def show_file(file: MemberFile) -> None:
    """One event for each change of step, or of the pictures sent; none while nothing of it changes.

    Only for a file that was started with its campaign. Those of release 0.1 were not, and a command more would
    not fit their histories; asking `workflow.patched` instead would cost every new file two events and give the
    old ones nothing, since the answer stays what it was when their histories began (docs/releases.md).
    """
    shown = workflow.info().typed_search_attributes
    if shown.get(CAMPAIGN) is None:
        return
    changes = [*_changed(shown, GROUP, file.group and file.group.value), *_changed(shown, ATTEMPT, file.attempts)]
    _show([*_stepped(shown, file.step.value, file.waiting_since), *changes])


def show_step(step: str, since: datetime) -> None:
    """Of a request at a door, if it was started with a step: those of release 0.1 were not."""
    shown = workflow.info().typed_search_attributes
    if shown.get(STEP) is not None:
        _show(_stepped(shown, step, since))


def _stepped(shown: TypedSearchAttributes, step: str, since: datetime) -> list[SearchAttributeUpdate[Any]]:
    # The records date a step by their own clock: read again, it is still the same one.
    return [] if shown.get(STEP) == step else [STEP.value_set(step), WAITING_SINCE.value_set(since)]


def _changed(shown: TypedSearchAttributes, key: Any, value: Any) -> list[SearchAttributeUpdate[Any]]:
    return [] if value is None or shown.get(key) == value else [key.value_set(value)]


def _show(changes: Sequence[SearchAttributeUpdate[Any]]) -> None:
    if changes:
        workflow.upsert_search_attributes(changes)
