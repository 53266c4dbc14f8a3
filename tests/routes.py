"""Renews the list of routes: `python -m tests.routes`."""

from tests.test_architecture import ROOT, methods_of, routes

if __name__ == "__main__":
    listed = sorted(f"{','.join(sorted(methods_of(route)))} {route.path}" for route in routes())
    (ROOT / "tests" / "routes.txt").write_text("\n".join(listed) + "\n")
