"""How a page asks a member's workflow: one overall deadline, and three ways not to get an answer."""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import structlog
from fastapi import Request
from fastapi.responses import Response
from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.guards import campaign_of
from api.pages import render
from api.portal import Portal
from portal.rules.refusals import Refusal, Refused
from portal.store.campaigns import Current
from portal.store.sessions import Visitor
from workflows import calls
from workflows.messages import REFUSED, Answer
from workflows.onboarding import OnboardingWorkflow


class NotYet(Exception):
    """No answer within the deadline. It may still happen by itself: asking again with the same key is harmless."""

    def __init__(self, page: str, where: Mapping[str, str], fields: Mapping[str, str]) -> None:
        super().__init__(page)
        self.page = page
        self.where = dict(where)
        self.fields = dict(fields)

    @property
    def away(self) -> bool:
        return False


class Away(NotYet):
    """Temporal cannot be reached: what was asked is not under way."""

    @property
    def away(self) -> bool:
        return True


def page_of(request: Request, trouble: NotYet) -> Response:
    """The page that says so, with a button that asks again."""
    return render(
        request, "errors/not_yet.html", status=503 if trouble.away else 202, away=trouble.away, again=trouble.page,
        where=trouble.where, fields=trouble.fields,
    )  # fmt: skip


async def ask(
    portal: Portal,
    visitor: Visitor,
    update: Any,
    argument: Any = None,
    *,
    key: str,
    page: str,
    where: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> Answer:
    """Send one step to the member's workflow, starting it if there is none, and wait for the answer.

    `key` names the step: the same key gives the same answer. `page`, the parameters of
    its address in `where`, and `fields` are how to ask again.
    Raises Refused, NotYet or Away.
    """
    assert visitor.member_id is not None, "only members have a file"
    return await ask_for(
        portal, campaign_of(visitor), visitor.member_id, update, argument, key=key, page=page, where=where,
        fields=fields,
    )  # fmt: skip


async def ask_for(
    portal: Portal,
    campaign: Current,
    member_id: UUID,
    update: Any,
    argument: Any = None,
    *,
    key: str,
    page: str,
    where: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
) -> Answer:
    """The same for this member's workflow, whoever asks."""
    # How to ask again, with the same key.
    again = (page, where or {}, fields or {})
    arguments = {} if argument is None else {"arg": argument}
    try:
        async with asyncio.timeout(portal.settings.answer_seconds):
            try:
                answer = await _sent(portal, member_id, campaign, update, key, arguments)
            except _RefusedUnheard:
                # Pages ask only what the records allow: the workflow has not heard of something yet.
                await _sent(portal, member_id, campaign, OnboardingWorkflow.look_again, f"look-{uuid4()}", {})
                answer = await _sent(portal, member_id, campaign, update, key, arguments)
    except _RefusedUnheard as unheard:
        raise Refused(unheard.refusal) from None
    except (WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowUpdateFailedError, TimeoutError):
        # Also told while the workflow moved on to a new run: ask again.
        raise NotYet(*again) from None
    except RPCError as error:
        if error.status in (
            RPCStatusCode.DEADLINE_EXCEEDED,
            RPCStatusCode.RESOURCE_EXHAUSTED,
            RPCStatusCode.CANCELLED,
            # The workflow is between two runs.
            RPCStatusCode.FAILED_PRECONDITION,
        ):
            raise NotYet(*again) from None
        raise Away(*again) from None
    except RuntimeError:
        # The lazy client has not reached the server even once.
        raise Away(*again) from None
    if answer.refusal is not None:
        raise Refused(answer.refusal)
    return answer


async def tell(what: Awaitable[None], *, until: float) -> None:
    """Let a workflow know what the records hold already, if it hears by then; the relay tells again what was lost."""
    try:
        async with asyncio.timeout_at(until):
            await what
    except (RPCError, TimeoutError, RuntimeError) as error:
        structlog.get_logger().warning("not-told-yet", error=type(error).__name__)


class _RefusedUnheard(Exception):
    """A validator's no: by what the workflow knows, the records were not asked."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


async def _sent(
    portal: Portal, member_id: UUID, campaign: Current, update: Any, key: str, arguments: Mapping[str, Any]
) -> Answer:
    start: WithStartWorkflowOperation[Any, Any] = calls.opening(
        portal.task_queue, campaign_id=campaign.id, campaign_code=campaign.code, member_id=member_id
    )
    try:
        answer: Answer = await portal.client.execute_update_with_start_workflow(
            update, start_workflow_operation=start, id=key, result_type=Answer, **arguments
        )
    except WorkflowUpdateFailedError as error:
        await _look_at(start)
        if isinstance(error.cause, ApplicationError) and error.cause.type == REFUSED:
            raise _RefusedUnheard(Refusal(error.cause.message)) from None
        raise
    except BaseException:
        await _look_at(start)
        raise
    return answer


async def _look_at(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Its failure, which nobody else asks for: left unseen, it is logged with its whole stack for every page."""
    with suppress(Exception, asyncio.CancelledError):
        async with asyncio.timeout(0):
            await start.workflow_handle()
