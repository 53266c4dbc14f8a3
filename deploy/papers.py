"""The identity documents of the demo: drawn, rebuilt and sealed like those that members send."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from deploy.cast import Person
from deploy.specimens import specimen_card
from portal import pictures
from portal.store.files import Files
from portal.store.identity import Document
from portal.store.sealing import EpochKeys, seal

# One card that proves both, or a card with the photo and a paper with the address (brief §4).
_SETS = (
    ("driving-licence",), ("provincial-card",), ("passport", "utility-bill"), ("driving-licence",),
    ("nexus",), ("employer-card", "lease"), ("provincial-card",),
)  # fmt: skip
_HEADS = {"utility-bill": "HYDRO-NULLE-PART · Facture", "lease": "BAIL DE LOGEMENT · Lease"}
# A reviewer should also find reasons to reject: the second case has moved, the fifth bears another name.
_MOVED, _RENAMED = 1, 4


@dataclass(frozen=True)
class Papers:
    """One picture of a submission, before it is sealed."""

    submission_id: UUID
    position: int
    kind: str
    picture: pictures.Picture


async def draw(waiting: Sequence[tuple[Person, UUID]]) -> list[Papers]:
    """The pictures of every case that waits for a reviewer."""
    work = [
        _paper(at, person, submission_id, position, kind)
        for at, (person, submission_id) in enumerate(waiting)
        for position, kind in enumerate(_SETS[at % len(_SETS)])
    ]
    return list(await asyncio.gather(*work))


async def _paper(at: int, person: Person, submission_id: UUID, position: int, kind: str) -> Papers:
    home = person.home
    family = "Tout-Autre-Nom" if at == _RENAMED else person.name.family
    street = "1, ancienne rue des Déménageurs" if at == _MOVED else home.street
    lines = [family.upper(), person.name.given, street, f"{home.city} {home.province}  {home.postal_code}"]
    if kind in _HEADS:
        lines.insert(0, _HEADS[kind])
    card = await asyncio.to_thread(specimen_card, text="\n".join(lines), seed=at + 1)
    return Papers(submission_id, position, kind, await pictures.rebuild(card))


async def store(
    papers: Sequence[Papers], files: Files, keys: EpochKeys, submitted: Mapping[UUID | None, datetime | None]
) -> list[Document]:
    """Seal every picture to the key of the day it arrived, put it in the bucket, and say how to open it."""

    async def put(paper: Papers) -> Document:
        at = submitted[paper.submission_id]
        assert at is not None, "only what was submitted waits for a reviewer"
        document_id = uuid4()
        sealed = seal(keys, document_id, paper.picture.jpeg, at.date())
        document = Document(
            id=document_id, submission_id=paper.submission_id, position=paper.position, kind=paper.kind,
            width=paper.picture.width, height=paper.picture.height, epoch=sealed.epoch,
            wrapped_key=sealed.wrapped_key,
        )  # fmt: skip
        await files.put(document.object_key, sealed.ciphertext)
        return document

    return list(await asyncio.gather(*(put(paper) for paper in papers)))
