"""Links into the Temporal UI, and the same as a line to type: one place that knows its addresses."""

import shlex
from urllib.parse import quote

from api.portal import Portal


def temporal_list(portal: Portal) -> str:
    return f"{portal.settings.temporal_ui.rstrip('/')}/namespaces/{portal.settings.temporal_namespace}/workflows"


def temporal_link(portal: Portal, workflow: str) -> str:
    """The latest run of a workflow."""
    return f"{temporal_list(portal)}/{quote(workflow, safe='')}"


def temporal_query(portal: Portal, query: str) -> str:
    """The list, filtered."""
    return f"{temporal_list(portal)}?query={quote(query, safe='')}"


def command_line(portal: Portal, query: str) -> str:
    """The same list in a terminal, with the `temporal` command."""
    settings = portal.settings
    return shlex.join(
        [
            *("temporal", "workflow", "list", "--address", settings.temporal_address),
            *("--namespace", settings.temporal_namespace, "--query", query),
        ]
    )
