"""How every process reaches Temporal: one client, one task queue, one converter."""

import asyncio
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client, RetryConfig

from portal.rules.attributes import KINDS, Attribute, Kind

# What members wait for: their workflows, with the short SQL of their steps, and erasure.
TASK_QUEUE = "portal"
# What nobody waits for: the calendars, the relay, the sweep. A mail to 25,000 must not slow down one member's step.
BACKGROUND_QUEUE = "portal-background"


async def connect(address: str, namespace: str, *, lazy: bool = False) -> Client:
    """One client per process.

    `lazy` lets the pages start while Temporal is away. The short retry keeps a dead frontend from looking like a
    slow worker: the page must know which within its own deadline.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        lazy=lazy,
        retry_config=RetryConfig(max_elapsed_time_millis=1500),
        connect_timeout=timedelta(seconds=2),
    )


# What a namespace of PostgreSQL calls each kind of value.
_TYPES = {
    Kind.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    Kind.DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    Kind.INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
}
# Between the answer to a registration and the moment every part of the server knows of it.
_KNOWN_WITHIN = 15.0
REGISTER = "python -m portal temporal register"


class WrongAttributes(Exception):
    """The namespace lacks search attributes, or has one as another kind; the message says which, and what to do."""


async def missing_attributes(client: Client) -> list[Attribute]:
    """Those the namespace does not know yet; WrongAttributes if it knows one as something else."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
    )
    known = dict(listed.custom_attributes)
    for attribute, kind in KINDS.items():
        found = known.get(attribute.value)
        if found is not None and found != _TYPES[kind]:
            raise WrongAttributes(
                f"namespace {client.namespace} has the search attribute {attribute.value} as "
                f"{_name(found)}, and {kind.value} is needed: remove it there "
                f"(temporal operator search-attribute remove --name {attribute.value}), then {REGISTER}"
            )
    return [attribute for attribute in KINDS if attribute.value not in known]


async def require_attributes(client: Client) -> None:
    """Refuse a namespace where starts would fail, and running workflows would stand still for ever."""
    missing = await missing_attributes(client)
    if missing:
        raise WrongAttributes(
            f"namespace {client.namespace} has no search attribute {', '.join(a.value for a in missing)}: {REGISTER}"
        )


async def register_attributes(client: Client) -> list[Attribute]:
    """Register what is missing, wait until the server knows it, and say what that was; nothing when all is there."""
    missing = await missing_attributes(client)
    if missing:
        wanted = {attribute.value: _TYPES[KINDS[attribute]] for attribute in missing}
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted),
            timeout=timedelta(seconds=10),
        )
        async with asyncio.timeout(_KNOWN_WITHIN):
            while await missing_attributes(client):  # noqa: ASYNC110 - nothing of ours says when
                await asyncio.sleep(0.1)
    return missing


def _name(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").capitalize()
