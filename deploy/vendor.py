"""Brings in what browsers need from elsewhere, stripped and pinned: `python -m deploy.vendor`; `--check` only compares.

GOV.UK Frontend without the font and the crest that only the British government may use, HPKE (RFC 9180) as one module
for the booth and for the second counter, and axe-core for the tests. npm fetches the packages, and the one that makes
a module of two needs Node; nothing of either is needed to run the portal.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from api.components import USED

PROJECT = Path(__file__).resolve().parents[1]
STATIC = PROJECT / "api" / "static"
FOR_TESTS = PROJECT / "tests" / "vendor"

# name and version: the SHA-512 of the package.
PACKAGES = {
    "govuk-frontend@6.6.0": "xctkWrQvLnvQt7fyjQ3MGX9S0wz0x0RQuLxCeoXF+s8EjGICG81/DYQGKN5qgO+0KVT12UAaRwUsGY6fulRcRg==",
    "@hpke/core@1.9.0": "pFxWl1nNJeQCSUFs7+GAblHvXBCjn9EPN65vdKlYQil2aURaRxfGMO6vBKGqm1YHTKwiAxJQNEI70PbSowMP9Q==",
    "@hpke/common@1.10.1": "moJwhmtLtuxiUzzNp1jpfBfx8yefKoO9D/RCR9dmwrnc7qjJqId1rEtQz+lSlU5cabX8daToMSx/7HayXOiaFw==",
    # The form of esbuild that is the same on every machine.
    "esbuild-wasm@0.28.2": "GccVwhv3mmOUVQHCQm2Ox/rby8n/EqUwvZxE6Pjfikrq/lWw9g9WX/u9EykWnpot3Ko6j426DgQdea2xWKIAQA==",
    "axe-core@4.14.1": "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
}
FONT = "var(--portal-font)"
MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""
NOTICE = f"""\
GOV.UK Frontend 6.6.0, MIT licence
Copyright (c) Crown Copyright (Government Digital Service)

{MIT}
govuk.css and govuk.js are its published files, changed by deploy/vendor.py: the GDS Transport typeface (replaced by the
fonts of the reader's own system), every rule that draws the royal crest, and the references to source maps are removed.
Nothing here is, or looks like, a service of the United Kingdom's government.


@hpke/core 1.9.0 and @hpke/common 1.10.1, MIT licence
Copyright (c) 2023, 2024 Ajitomi Daisuke

The same permission notice applies:

{MIT}
hpke.js (and deploy/hpke.mjs, the same bytes) is what the portal uses of the two, as one module, minified by esbuild.
"""
# What the booth and the counters use of HPKE: the rest is left out.
HPKE = 'export { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "@hpke/core";'

Files = dict[Path, bytes]


def fetched(package: str) -> tarfile.TarFile:
    """The package, if it is the very one that was chosen."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        content = archive.read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != PACKAGES[package]:
        raise SystemExit(f"{package} is not the package that was chosen: its hash differs")
    return tarfile.open(fileobj=io.BytesIO(content))


def member(archive: tarfile.TarFile, path: str) -> str:
    file = archive.extractfile(f"package/{path}")
    assert file is not None, path
    return file.read().decode()


def stripped(css: str) -> str:
    """The style sheet without what is the British government's own, and without anything to be fetched."""
    css = re.sub(r"@font-face\{[^}]*\}", "", css)
    css = re.sub(r'(?:"GDS Transport"|GDS Transport),arial,sans-serif', FONT, css)
    # Rules may stand inside @media and @supports: the innermost braces are the rule.
    css = re.sub(r"[^{}]*\{[^{}]*crest[^{}]*\}", "", css)
    css = re.sub(r"/\*# sourceMappingURL=[^*]*\*/", "", css)
    for word in ("GDS", "crest", "url("):
        assert word not in css, f"{word} is still there"
    return css.strip() + "\n"


def govuk(archive: tarfile.TarFile) -> Files:
    css = stripped(member(archive, "dist/govuk/govuk-frontend.min.css"))
    js = re.sub(r"//# sourceMappingURL=.*", "", member(archive, "dist/govuk/govuk-frontend.min.js")).strip() + "\n"
    # What the macros of the pages are held to.
    fixtures = {
        name: json.loads(member(archive, f"dist/govuk/components/{name}/fixtures.json"))["fixtures"] for name in USED
    }
    return {
        STATIC / "govuk.css": css.encode(),
        STATIC / "govuk.js": js.encode(),
        STATIC / "NOTICE.txt": NOTICE.encode(),
        FOR_TESTS / "govuk-fixtures.json": (json.dumps(fixtures, ensure_ascii=False) + "\n").encode(),
    }


def axe(archive: tarfile.TarFile) -> Files:
    # Its licence (MPL 2.0) stands at the head of the file.
    return {FOR_TESTS / "axe.min.js": member(archive, "axe.min.js").encode()}


def hpke(core: tarfile.TarFile, common: tarfile.TarFile, esbuild: tarfile.TarFile) -> Files:
    """One module of the two packages, whose bytes are the same whoever makes it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for archive, where in (
            (core, "node_modules/@hpke/core"), (common, "node_modules/@hpke/common"), (esbuild, "esbuild"),
        ):  # fmt: skip
            archive.extractall(folder / where, filter="data")
        (folder / "hpke.js").write_text(HPKE)
        made = subprocess.run(
            ["node", "esbuild/package/bin/esbuild", "hpke.js", "--bundle", "--minify", "--format=esm",
             "--platform=neutral", "--main-fields=module", "--target=es2020", "--legal-comments=none",
             "--alias:@hpke/core=./node_modules/@hpke/core/package/esm/mod.js",
             "--alias:@hpke/common=./node_modules/@hpke/common/package/esm/mod.js"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    # The counter runs without the portal beside it, on a machine that has no network.
    return {STATIC / "hpke.js": made.stdout, PROJECT / "deploy" / "hpke.mjs": made.stdout}


# The packages that something is made of, and what makes it.
TAKEN: dict[tuple[str, ...], Callable[..., Files]] = {
    ("govuk-frontend@6.6.0",): govuk,
    ("@hpke/core@1.9.0", "@hpke/common@1.10.1", "esbuild-wasm@0.28.2"): hpke,
    ("axe-core@4.14.1",): axe,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.vendor", description="Brings in what browsers need.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a file is not what it should be")
    check = parser.parse_args().check
    files: Files = {}
    for packages, take in TAKEN.items():
        files |= take(*map(fetched, packages))
    differ = [path for path, content in files.items() if not path.exists() or path.read_bytes() != content]
    if not check:
        for path in differ:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[path])
    for path in differ:
        print(f"{path.relative_to(PROJECT)}: {'differs' if check else 'written'}")
    return 1 if check and differ else 0


if __name__ == "__main__":
    sys.exit(main())
