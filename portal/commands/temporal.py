"""`python -m portal temporal register`: what the namespace must know before the first workflow."""

import argparse
import asyncio
import sys
from typing import Any

from temporalio.service import RPCError

from portal.settings import Settings
from portal.temporal import WrongAttributes, connect, register_attributes


def add_to(commands: Any) -> None:
    temporal = commands.add_parser("temporal", help="prepare the namespace of TEMPORAL_NAMESPACE")
    temporal.add_argument("what", choices=["register"], help="register: the search attributes, where they are missing")
    temporal.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return asyncio.run(_register(Settings()))


async def _register(settings: Settings) -> int:
    """Prepare the namespace; asked twice it changes nothing."""
    try:
        client = await connect(settings.temporal_address, settings.temporal_namespace)
        new = await register_attributes(client)
    except WrongAttributes as error:
        print(f"temporal: {error}", file=sys.stderr)
        return 1
    except (RPCError, RuntimeError, TimeoutError) as error:
        print(f"temporal: {settings.temporal_address} cannot be asked, {type(error).__name__}", file=sys.stderr)
        return 1
    finally:
        # A script that uses the client may abort while the interpreter ends (sdk-python#300).
        await asyncio.sleep(0.5)
    print(f"registered: {', '.join(a.value for a in new)}" if new else "registered before: nothing to do")
    return 0
