"""The key ceremony of the demo's campaign, held at its first start with the program that officers use.

In real life three officers hold it on a laptop that is on no network, and each leaves with a key file whose passphrase
nobody else knows (docs/ceremony.md). Here all three lie in one folder, with their passphrases beside them.
"""

import shutil
from datetime import datetime
from pathlib import Path

from deploy.cast import KEY_HOLDERS
from portal.ceremony import files
from portal.ceremony.keys import make_election, make_officer
from portal.rules.vote_files import Election, read_election, write_trustee

ELECTION = "election.json"
SHARES = "shares.json"


def hold(folder: Path, campaign: str, now: datetime) -> Election:
    """The election whose key these officers hold; made if the folder is not there, and kept if it is."""
    if not folder.exists():
        _make(folder.with_name(f"{folder.name}.draft"), campaign, now).rename(folder)
    return read_election(ELECTION, files.read(folder / ELECTION))


def _make(draft: Path, campaign: str, now: datetime) -> Path:
    """All of it beside its place: an interrupted ceremony is held again from the beginning."""
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(mode=0o700, parents=True)
    trustees = []
    for holder in KEY_HOLDERS:
        passphrase = holder.passphrase.encode()
        private, public = make_officer(holder.code, passphrase)
        files.write(draft / holder.key_file, private)
        files.write(draft / f"{holder.code}.pub.json", write_trustee(public))
        files.write(draft / holder.passphrase_file, passphrase + b"\n")
        trustees.append(public)
    election, shares = make_election(campaign, trustees, now)
    files.write(draft / ELECTION, election.written())
    files.write(draft / SHARES, shares.written())
    return draft
