"""The doctor before the real servers, and a name server of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest_asyncio

from portal.doctor.findings import Check, Finding, look
from portal.settings import Settings
from portal.store import Sessions, open_database, sessions_of


async def said(check: Check) -> Finding:
    """What one check finds, as the command runs it."""
    return (await look({"it": check}))[0].finding


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers what it was told, over UDP on loopback; every other name does not exist."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    silent: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name = question.question[0].name
        texts = self.texts.get(name.to_text(omit_final_dot=True).lower())
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif texts:
            # A text longer than 255 characters travels in pieces.
            pieces = (" ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200)) for text in texts)
            answer.answer.append(dns.rrset.from_text_list(name, 60, dns.rdataclass.IN, dns.rdatatype.TXT, list(pieces)))
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def name_server(**texts: list[str]) -> AsyncIterator[NameServer]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(
        lambda: NameServer(dict(texts)), local_addr=("127.0.0.1", 0)
    )
    try:
        yield protocol
    finally:
        transport.close()


@pytest_asyncio.fixture
async def names() -> AsyncIterator[NameServer]:
    async with name_server() as server:
        yield server


@pytest_asyncio.fixture
async def as_worker(worker_settings: Settings) -> AsyncIterator[Sessions]:
    """The doctor asks as one of the processes."""
    engine = open_database(worker_settings.database_url.get_secret_value(), pool_size=5)
    yield sessions_of(engine)
    await engine.dispose()
