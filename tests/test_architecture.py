"""Tests about the code itself: what import-linter cannot see, and what no reader should have to check."""

import ast
import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import PAGES
from api.guards import GUARDS
from portal.text.addresses import PAGES as ADDRESSES

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["importlinter"]["root_packages"]

# Rules may use these, and nothing that knows the world.
CALM = frozenset(
    {
        "base64", "collections", "collections.abc", "csv", "dataclasses", "datetime", "email", "email.message", "enum",
        "hashlib", "hmac", "itertools", "json", "re", "typing", "unicodedata", "uuid", "zoneinfo",
    }
)  # fmt: skip
WORLDLY = frozenset(
    {"now", "today", "utcnow", "uuid1", "uuid4", "random", "randint", "time_ns", "open", "getenv", "print", "input"}
)


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def test_every_package_is_watched_by_the_import_linter() -> None:
    """A new top-level package would escape it in silence."""
    here = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert here == set(PACKAGES)


def test_rules_ask_nothing_of_the_world() -> None:
    """Temporal's sandbox does not look inside modules that are passed through; this does."""
    seen = 0
    for path in sources("portal/rules"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    imported = [alias.name for alias in names]
                case ast.ImportFrom(module=str(module)):
                    imported = [module]
                case ast.Call(func=ast.Name(id=called)) | ast.Call(func=ast.Attribute(attr=called)):
                    assert called not in WORLDLY, f"{path.name} calls {called}"
                    continue
                case _:
                    continue
            for name in imported:
                seen += 1
                assert name in CALM or name.startswith("portal.rules"), f"{path.name} imports {name}"
    assert seen > 20


def test_workflow_files_import_only_what_is_deterministic() -> None:
    """The standard library, temporalio, and our own modules, which are passed through."""
    for path in sources("workflows"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                root = node.module.split(".")[0]
                assert root in {
                    "asyncio",
                    "collections",
                    "contextlib",
                    "dataclasses",
                    "datetime",
                    "typing",
                    "uuid",
                    "temporalio",
                } | {
                    "portal",
                    "activities",
                    "workflows",
                }, f"{path.name} imports {node.module}"


def test_no_module_outgrows_one_reading() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(*PACKAGES, "tests")
        if "migrations/versions" not in str(path) and (lines := len(path.read_text().splitlines())) > 400
    }
    assert not long, long


def test_every_module_says_what_it_is_in_one_sentence() -> None:
    for path in sources(*PACKAGES):
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        assert docstring, f"{path} says nothing of itself"


def test_nothing_is_called_utils() -> None:
    drawers = {"utils", "helpers", "common", "misc", "base_service", "manager"}
    assert not [p for p in sources(*PACKAGES) if p.stem in drawers]


def test_commits_happen_at_the_edge_only() -> None:
    """Below it a function takes the session it is given."""
    for path in sources("portal/store"):
        if path.name in ("schema.py", "env.py", "mail.py", "__init__.py"):
            continue
        assert not re.search(r"\.commit\(\)|\.begin\(\)|\.rollback\(\)", path.read_text()), path


def routes() -> list[APIRoute]:
    """Every route of the pages. An included router hides them from `app.routes`: a flat loop would find none."""
    found = [route for router in PAGES for route in router.routes if isinstance(route, APIRoute)]
    assert len(found) > 40
    return found


def methods_of(route: APIRoute) -> set[str]:
    """GET answers HEAD as well: that goes without saying."""
    return set(route.methods or ()) - {"HEAD"}


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def test_every_route_says_who_may_use_it() -> None:
    for route in routes():
        guards = [call for call in _calls(route.dependant) if call in GUARDS]
        assert len(guards) == 1, f"{route.path} has {len(guards)} guards"


def test_every_page_is_in_both_languages_and_in_the_table() -> None:
    names = {route.name for route in routes()} - {"healthz", "readyz", "bare"}
    assert names == {f"{name}.{language}" for name in ADDRESSES for language in ("fr", "en")}


def test_the_list_of_routes_is_a_decision() -> None:
    """A route that appears or goes is written down: `python -m tests.routes` renews the list."""
    listed = sorted(f"{','.join(sorted(methods_of(route)))} {route.path}" for route in routes())
    assert listed == (ROOT / "tests" / "routes.txt").read_text().splitlines()


def test_routes_that_change_something_are_posts_with_a_limit() -> None:
    for route in routes():
        assert methods_of(route) in ({"GET"}, {"POST"}), route.path


def test_nothing_reads_the_environment_but_the_settings() -> None:
    for path in sources("portal", "activities", "workflows", "api", "worker"):
        assert "os.environ" not in path.read_text() and "getenv" not in path.read_text(), path


def test_no_message_is_built_with_a_name_or_an_address() -> None:
    """Failures are written to histories: what is raised in activities and workflows is a constant (T54)."""
    for path in sources("activities", "workflows"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ApplicationError":
                assert not isinstance(node.args[0], ast.JoinedStr), f"{path}:{node.lineno}"


def test_pages_end_and_reset_no_workflow() -> None:
    """T63: what the pages may do to Temporal is to start, to tell and to ask; so is what their certificate needs."""
    ending = {"terminate", "cancel", "reset", "terminate_workflow", "delete_schedule", "delete", "pause", "backfill"}
    for path in (*sources("api"), ROOT / "workflows" / "calls.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in ending, f"{path.name}:{node.lineno} calls {node.func.attr}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_can_be_imported(package: str) -> None:
    for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
        if not found.name.endswith(("__main__", "env", "child")) and "versions" not in found.name:
            importlib.import_module(found.name)


def test_forms_take_no_field_they_do_not_name() -> None:
    """No mass assignment (T36)."""
    forms = importlib.import_module("api.forms")
    models = [
        m
        for _, m in inspect.getmembers(forms, inspect.isclass)
        if hasattr(m, "model_config") and m.__module__ == "api.forms"
    ]
    assert len(models) > 8
    assert all(model.model_config.get("extra") == "forbid" for model in models)


def test_requirements_are_locked_by_hash_and_name_no_address() -> None:
    """T118, and no word of where a package came from."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = (ROOT / name).read_text().splitlines()
        packages = [line for line in lines if re.match(r"^[a-z0-9]", line)]
        assert len(packages) > 40
        assert all(re.match(r"^[a-z0-9._-]+(\[[a-z,]+\])?==\S+ \\$", line) for line in packages), name
        assert not any("://" in line for line in lines)


def test_routers_are_all_included() -> None:
    modules = [p.stem for p in sources("api") if p.stem not in ("__init__", "__main__", "app")]
    with_router = [
        m for m in modules if isinstance(getattr(importlib.import_module(f"api.{m}"), "router", None), APIRouter)
    ]
    assert len(with_router) == len(PAGES)
