"""An identity document full of markers, and the searcher that must not find any of them again."""

import base64
import os
import re
import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from PIL import Image

from deploy.specimens import specimen_card
from tests.pictures.uploads import segment, with_segments

# Every marker is 32 bytes and begins with this, so that one look finds them all.
CORE = b"CANARI-"
# What is looked up in the haystack is a block of this length at every such step: no window of 64 bytes can
# lie between two of them.
BLOCK = 32


def marker(place: str) -> bytes:
    return CORE + place.encode()[:8].ljust(9, b"-") + secrets.token_hex(8).encode()


def canary(words: str) -> tuple[bytes, str]:
    """A card with a marker in every place where a JPEG can carry one; its bytes and the name of its file."""
    card = Image.open(BytesIO(specimen_card(1200, 750, words, seed=secrets.randbelow(1000))))
    # Grain, so that no two pictures share a stretch of bytes.
    grain = Image.effect_noise(card.size, 24).convert("RGB")
    picture = Image.blend(card, grain, 0.12)
    exif = Image.Exif()
    exif[0x010E] = marker("exif").decode()
    exif.get_ifd(0x8825)[29] = marker("gps").decode()
    out = BytesIO()
    picture.save(
        out, format="JPEG", quality=88, exif=exif.tobytes(), comment=marker("comment"),
        icc_profile=b"\0" * 128 + marker("icc"),
    )  # fmt: skip
    small = picture.copy()
    small.thumbnail((160, 120))
    thumbnail = BytesIO()
    small.save(thumbnail, format="JPEG", comment=marker("thumbnail"))
    jpeg = with_segments(
        out.getvalue(),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + marker("xmp") + b"</x:xmpmeta>"),
        segment(0xEB, b"JP" + struct.pack(">HI", 1, 1) + marker("app11")),
        segment(0xED, b"Photoshop 3.0\0" + thumbnail.getvalue()),
    )
    return jpeg + marker("trailing"), f"{marker('filename').decode()}.jpg"


def encodings(secret: bytes) -> Iterator[bytes]:
    """As it is, in hexadecimal, and in base64 wherever it begins in what was encoded."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for ahead in range(3):
        first, last = (ahead * 8 + 5) // 6, (ahead + len(secret)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * ahead + secret)[first:last]


def scan_of(jpeg: bytes) -> bytes:
    """The picture itself: what comes before is the same in everybody's."""
    return jpeg[jpeg.rindex(b"\xff\xda") + 14 :]


def stretches(data: bytes, length: int) -> list[bytes]:
    """The beginning, the middle and the end."""
    middle = (len(data) - length) // 2
    return [data[:length], data[middle : middle + length], data[-length:]]


@dataclass
class Searcher:
    """Looks for every secret in every byte of a file."""

    # Each with its name in a report.
    words: dict[bytes, str] = field(default_factory=dict)
    numbers: dict[bytes, str] = field(default_factory=dict)
    blocks: set[bytes] = field(default_factory=set)

    def add_secret(self, name: str, secret: bytes) -> None:
        for encoded in encodings(secret):
            self.words[encoded] = name

    def add_text(self, name: str, text: str) -> None:
        for form in (text, text.lower()):
            for encoding in ("utf-8", "utf-16-le", "unicode_escape"):
                self.add_secret(name, form.encode(encoding))

    def add_number(self, name: str, number: str) -> None:
        """Digits alone: six of them may also be part of some other number."""
        self.numbers[number.encode()] = name
        for ahead in range(3):
            first, last = (ahead * 8 + 5) // 6, (ahead + len(number) + 2) * 8 // 6
            self.words[base64.b64encode(b"\0" * ahead + f'"{number}"'.encode())[first:last]] = name

    def add_picture(self, jpeg: bytes) -> None:
        scan = scan_of(jpeg)
        for stretch in stretches(scan, 12_288):
            self._add_blocks(stretch)
        for stretch in stretches(scan, 768):
            for ahead in range(3):
                self._add_blocks(base64.b64encode(b"\0" * ahead + stretch)[4:-4])
            self._add_blocks(stretch.hex().encode())

    def _add_blocks(self, data: bytes) -> None:
        windows = (data[at : at + BLOCK] for at in range(len(data) - BLOCK + 1))
        # A flat stretch is the same in any picture.
        self.blocks.update(w for w in windows if len(set(w)) > 8)

    def search(self, data: bytes) -> set[str]:
        found = {name for word, name in self.words.items() if word in data}
        for number, name in self.numbers.items():
            if re.search(rb"(?<![0-9a-fA-F.])" + number + rb"(?![0-9a-fA-F])", data):
                found.add(name)
        if self.blocks and not self.blocks.isdisjoint(
            data[at : at + BLOCK] for at in range(0, len(data) - BLOCK + 1, BLOCK)
        ):
            found.add("picture")
        return found

    def search_files(self, roots: Iterable[Path], *, since: float = 0.0, but: str | None = None) -> dict[str, set[str]]:
        """What was found, by file; nothing where all is well."""
        found: dict[str, set[str]] = {}
        for file in files_below(roots, since, but):
            try:
                hits = self.search(file.read_bytes()) | self.search(os.fsencode(file.name))
            except OSError:
                # Somebody else's, gone since it was listed.
                continue
            if hits:
                found[str(file)] = hits
        return found


def files_below(roots: Iterable[Path], since: float, but: str | None) -> Iterator[Path]:
    """Whatever was written since, except below folders whose name begins so."""
    for root in roots:
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders if but is None or not name.startswith(but)]
            for name in names:
                file = Path(folder, name)
                try:
                    wanted = file.is_file() and not file.is_symlink() and file.stat().st_ctime >= since
                except OSError:
                    continue
                if wanted:
                    yield file


@dataclass
class Descriptors:
    """Every file a process has been seen to have open in a folder for temporary files: there must be none."""

    pid: int
    folders: tuple[str, ...]
    seen: set[str] = field(default_factory=set)
    looks: int = 0

    def look(self) -> None:
        """The process and its children, at this moment."""
        self.looks += 1
        for pid in [self.pid, *_children(self.pid)]:
            try:
                names = os.listdir(f"/proc/{pid}/fd")
            except OSError:
                continue
            for name in names:
                try:
                    target = os.readlink(f"/proc/{pid}/fd/{name}")
                except OSError:
                    continue
                if target.startswith(self.folders):
                    self.seen.add(target)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
