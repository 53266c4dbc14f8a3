"""The macros of GOV.UK Frontend, as every page calls them: `{{ govukButton({"text": …}) }}`."""

from functools import cache

from jinja2 import ChainableUndefined, Environment, PackageLoader, PrefixLoader
from jinja2.runtime import Macro

PACKAGE = "govuk_frontend_jinja"

# What the pages use of it. Header, menu and footer are our own: those of the package are made for another government.
USED = (
    "back-link", "button", "checkboxes", "details", "error-message", "error-summary", "fieldset",
    "file-upload", "hint", "input", "inset-text", "label", "notification-banner", "password-input", "radios",
    "select", "skip-link", "summary-list", "table", "tag", "task-list", "textarea", "warning-text",
)  # fmt: skip


@cache
def macros() -> dict[str, Macro]:
    """Each macro by its upstream name.

    They are made in an environment of their own, which forgives what was not given: in ours a name that is not there
    is an error.
    """
    env = Environment(
        loader=PrefixLoader({PACKAGE: PackageLoader(PACKAGE)}),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found: dict[str, Macro] = {}
    for component in USED:
        name = "govuk" + "".join(part.title() for part in component.split("-"))
        found[name] = getattr(env.get_template(f"{PACKAGE}/components/{component}/macro.html").module, name)
    return found
