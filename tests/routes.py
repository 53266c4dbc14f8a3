"""Renews the list of routes: `python -m tests.routes`."""

from tests.test_architecture import ROOT, routes

if __name__ == "__main__":
    listed = sorted(f"{','.join(sorted(route.methods - {'HEAD'}))} {route.path}" for route in routes())
    (ROOT / "tests" / "routes.txt").write_text("\n".join(listed) + "\n")
