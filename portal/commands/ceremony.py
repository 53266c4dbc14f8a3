"""`python -m portal ceremony …`: the officers' side of a vote, held offline (docs/ceremony.md)."""

import argparse
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import Any

from portal.ceremony import files
from portal.ceremony.keys import (
    Officer,
    check_shares,
    make_election,
    make_officer,
    open_officer,
    sign,
    unlock,
    verified,
)
from portal.ceremony.machine import must_be_alone
from portal.ceremony.opening import check_urn, result_of
from portal.rules.canonical import fingerprint, hash_of, load
from portal.rules.ceremony import Fault, Wrong
from portal.rules.shapes import CAMPAIGN, CODE
from portal.rules.urns import Urn, read_urn
from portal.rules.vote_files import (
    DESTRUCTION,
    RESULT,
    SIGNED,
    URN,
    Destruction,
    Election,
    Shares,
    Signature,
    Trustee,
    check_signature,
    check_signatures,
    may_destroy,
    read_destruction,
    read_election,
    read_publication,
    read_result,
    read_shares,
    read_signature,
    read_trustee,
    write_trustee,
)
from portal.text.ceremony import Said, fault_in_both, in_both

STATUSES = (
    "Exit status: 0 done; 1 what was brought is not right, or it is too early; 2 used wrongly, or a file is not there "
    "or is there already; 3 the machine is connected."
)

# In characters; and in bytes, of what the library takes.
LEAST, MOST = 15, 1023


def add_to(commands: Any) -> None:
    ceremony = commands.add_parser(
        "ceremony", help="keys, count and destruction of keys, on an offline machine", epilog=STATUSES
    )
    ceremony.set_defaults(run=run)
    acts = ceremony.add_subparsers(dest="act", required=True)

    officer = _act(acts, "officer", make_keys, "make an officer's two keys, protected by a passphrase", private=True)
    officer.add_argument("code", metavar="CODE", help="officer-1, officer-2 or officer-3")
    officer.add_argument("--out", type=Path, required=True, metavar="DIR")
    _passphrases(officer)

    key = _act(acts, "key", make_key, "make the key of a campaign, for any two of three officers", private=True)
    key.add_argument("--campaign", required=True, metavar="CODE")
    key.add_argument("--officers", type=Path, nargs="+", required=True, metavar="PUB.json")
    key.add_argument("--out", type=Path, required=True, metavar="DIR")

    tried = _act(acts, "try", try_key, "see that two officers open the key; writes nothing", private=True)
    _election(tried)
    tried.add_argument("--shares", type=Path, default=Path("shares.json"))
    _officers(tried)

    signing = _act(acts, "sign", sign_file, "sign an urn, a result or a record of destruction", private=True)
    signing.add_argument("file", type=Path, metavar="FILE")
    _election(signing)
    _officers(signing)

    check = _act(acts, "check", check_file, "check an urn, a result or a record whole, and who signed it")
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--election", type=Path)
    check.add_argument("--signatures", type=Path, nargs="+", default=[], metavar="SIG.json")

    opening = _act(acts, "open", open_urn, "open a signed urn with two officers' keys, and count", private=True)
    opening.add_argument("--urn", type=Path, required=True)
    _election(opening)
    opening.add_argument("--signatures", type=Path, nargs="+", required=True, metavar="SIG.json")
    opening.add_argument("--shares", type=Path, default=Path("shares.json"))
    _officers(opening)
    opening.add_argument("--out", type=Path, required=True, metavar="FILE")

    ending = _act(acts, "destroy", destroy, "end the key: overwrite and unlink every copy of its shares", private=True)
    ending.add_argument("--publication", type=Path, required=True, metavar="FILE", help="what the portal says of it")
    ending.add_argument("--shares", type=Path, nargs="+", required=True, metavar="FILE", help="every copy")
    ending.add_argument("--record", type=Path, required=True, metavar="FILE", help="where the record is written")

    printing = _act(
        acts, "fingerprint", print_fingerprint, "the hashes of the key and of the officers' keys, to be read aloud"
    )
    printing.add_argument("election", type=Path, metavar="election.json")


def _act(
    acts: Any, name: str, what: Callable[[argparse.Namespace], None], words: str, *, private: bool = False
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = acts.add_parser(name, help=words, description=words, epilog=STATUSES)
    parser.set_defaults(deed=what, private=private)
    if private:
        parser.add_argument("--rehearsal", action="store_true", help="on a machine that is connected; never for a vote")
    return parser


def _passphrases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--passphrase-file", type=Path, action="append", default=[], metavar="FILE")


def _election(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--election", type=Path, default=Path("election.json"))


def _officers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--officer", type=Path, action="append", required=True, metavar="KEY.pem")
    _passphrases(parser)


def run(asked: argparse.Namespace) -> int:
    try:
        if asked.private:
            if asked.rehearsal:
                _tell(Said.REHEARSAL)
            else:
                must_be_alone()
        asked.deed(asked)
    except Wrong as error:
        print(fault_in_both(error), file=sys.stderr)
        return error.status
    return 0


def make_keys(asked: argparse.Namespace) -> None:
    if not CODE.fullmatch(asked.code):
        raise Wrong(Fault.CODE_WRONG, code=asked.code)
    private, public = asked.out / f"{asked.code}.key.pem", asked.out / f"{asked.code}.pub.json"
    _folder(asked.out)
    files.must_be_free(private, public)
    pem, trustee = make_officer(asked.code, _new_passphrase(asked, private))
    files.write(private, pem)
    files.write(public, write_trustee(trustee))
    _say(Said.OFFICER_MADE, private=str(private), public=str(public))
    _print_of(trustee)


def make_key(asked: argparse.Namespace) -> None:
    if not CAMPAIGN.fullmatch(asked.campaign):
        raise Wrong(Fault.CODE_WRONG, code=asked.campaign)
    trustees = [read_trustee(str(path), files.read(path)) for path in asked.officers]
    public, private = asked.out / "election.json", asked.out / "shares.json"
    _folder(asked.out)
    files.must_be_free(public, private)
    election, shares = make_election(asked.campaign, trustees, datetime.now(UTC))
    files.write(private, shares.written())
    files.write(public, election.written())
    _say(Said.ELECTION_MADE, election=str(public), shares=str(private))
    _prints_of(election)


def try_key(asked: argparse.Namespace) -> None:
    election = _read_election(asked.election)
    shares = _two_shares(asked, election)
    officers = _opened(asked, election)
    unlock(election, shares, officers)
    _say(Said.TRIED, pair=" + ".join(sorted(one.code for one in officers)), campaign=election.campaign)


def sign_file(asked: argparse.Namespace) -> None:
    """Only what is whole and of this election is signed."""
    content = files.read(asked.file)
    election = _read_election(asked.election)
    of, sha256 = _of_this(str(asked.file), content, election)
    for officer in _opened(asked, election):
        out = asked.file.with_name(f"{asked.file.name.removesuffix('.json')}.sig-{officer.code}.json")
        signature = sign(officer, of=of, campaign=election.campaign, sha256=sha256)
        check_signature(str(out), signature, election, verified)
        files.write(out, signature.written())
        _say(Said.SIGNED, file=str(out), code=officer.code, sha256=sha256)


def check_file(asked: argparse.Namespace) -> None:
    content = files.read(asked.file)
    named = asked.election or (Path("election.json") if asked.signatures else None)
    election = None if named is None else _read_election(named)
    of, sha256 = _of_this(str(asked.file), content, election)
    if election and asked.signatures:
        by = check_signatures(_signatures(asked), election, verified, of=of, sha256=sha256)
        _say(Said.SIGNED_BY, codes=", ".join(by))
    else:
        _say(Said.UNSIGNED)


def open_urn(asked: argparse.Namespace) -> None:
    files.must_be_free(asked.out)
    election = _read_election(asked.election)
    urn = read_urn(str(asked.urn), files.read(asked.urn))
    # Before anybody types a passphrase.
    check_urn(urn, election, str(asked.urn))
    signatures = _signatures(asked)
    check_signatures(signatures, election, verified, of="urn", sha256=urn.manifest_sha256)
    _describe(urn)
    shares = _two_shares(asked, election)
    officers = _opened(asked, election)
    result = result_of(
        urn, election, shares, officers, signatures, lambda code, votes: _tell(Said.COUNTING, ballot=code, votes=votes)
    )
    content = result.written()
    files.write(asked.out, content)
    for _, code, counted in result.ballots:
        if counted.invalid:
            _say(Said.INVALID, ballot=code, invalid=counted.invalid)
    _say(Said.COUNTED, file=str(asked.out), sha256=hash_of(content))


def destroy(asked: argparse.Namespace) -> None:
    publication = read_publication(str(asked.publication), files.read(asked.publication))
    may_destroy(publication, datetime.now(UTC))
    files.must_be_free(asked.record)
    copies = files.to_end(asked.shares)
    hashes = []
    for path in copies:
        content = files.read(path)
        shares = read_shares(str(path), content)
        if (shares.campaign, shares.public_key) != (publication.campaign, publication.public_key):
            raise Wrong(Fault.NOT_OURS, file=str(path))
        hashes.append(hash_of(content))
    ended: list[str] = []
    try:
        for path, sha256 in zip(copies, hashes, strict=True):
            files.destroy(path)
            ended.append(sha256)
    finally:
        # A stick that fails half-way is told of, and so is what was ended before it.
        if ended:
            record = Destruction(publication.campaign, publication.public_key, tuple(ended), datetime.now(UTC))
            files.write(asked.record, record.written())
            _say(Said.DESTROYED, count=len(ended), file=str(asked.record))


def print_fingerprint(asked: argparse.Namespace) -> None:
    _prints_of(_read_election(asked.election))


def _prints_of(election: Election) -> None:
    _say(Said.FINGERPRINT, fingerprint=fingerprint(election.public_key))
    for trustee in election.trustees:
        _print_of(trustee)


def _print_of(trustee: Trustee) -> None:
    _say(Said.OFFICERS_PRINT, code=trustee.code, fingerprint=fingerprint(trustee.both))


def _of_this(name: str, content: bytes, election: Election | None) -> tuple[str, str]:
    """What a file is and the hash that is signed of it, once it has been checked whole; says what it saw."""
    found = load(name, content, *SIGNED)["format"]
    if found == URN:
        urn = read_urn(name, content)
        if election is not None:
            check_urn(urn, election, name)
        _describe(urn)
        _say(Said.URN_WHOLE, file=name, campaign=urn.campaign, sha256=urn.manifest_sha256)
        return SIGNED[URN], urn.manifest_sha256
    sha256 = hash_of(content)
    if found == RESULT:
        campaign, key = read_result(name, content).campaign, election and election.public_key
    else:
        record = read_destruction(name, content)
        campaign, key = record.campaign, record.public_key
    if election is not None and (campaign, key) != (election.campaign, election.public_key):
        raise Wrong(Fault.OTHER_ELECTION, file=name, campaign=campaign)
    whole = Said.RECORD_WHOLE if found == DESTRUCTION else Said.RESULT_WHOLE
    _say(whole, file=name, campaign=campaign, sha256=sha256)
    return SIGNED[found], sha256


def _describe(urn: Urn) -> None:
    for one in urn.ballots:
        votes = len(one.ciphertexts)
        _say(
            Said.BALLOT, ballot=one.code, votes=votes, electors=one.electors, on_paper=one.on_paper,
            set_aside=one.set_aside,
        )  # fmt: skip
        if votes > one.electors:
            _say(Said.MORE_VOTES, ballot=one.code)


def _read_election(path: Path) -> Election:
    return read_election(str(path), files.read(path))


def _two_shares(asked: argparse.Namespace, election: Election) -> Shares:
    """The shares, for two officers: asked before anybody types a passphrase."""
    if len(asked.officer) != 2:
        raise Wrong(Fault.NOT_TWO, count=len(asked.officer))
    shares = read_shares(str(asked.shares), files.read(asked.shares))
    check_shares(shares, election, str(asked.shares))
    return shares


def _signatures(asked: argparse.Namespace) -> list[tuple[str, Signature]]:
    return [(str(path), read_signature(str(path), files.read(path))) for path in asked.signatures]


def _opened(asked: argparse.Namespace, election: Election) -> list[Officer]:
    """The officers who are here, each by their own passphrase."""
    if asked.passphrase_file and len(asked.passphrase_file) != len(asked.officer):
        raise Wrong(Fault.PASSPHRASES_MISCOUNTED)
    found = []
    for number, path in enumerate(asked.officer):
        pem = files.read(path)
        if asked.passphrase_file:
            passphrase = _from_file(asked.passphrase_file[number])
        else:
            passphrase = _bytes(getpass(_prompt(Said.PASSPHRASE, file=str(path))))
        found.append(open_officer(str(path), pem, passphrase, election))
    return found


def _new_passphrase(asked: argparse.Namespace, path: Path) -> bytes:
    if asked.passphrase_file:
        if len(asked.passphrase_file) != 1:
            raise Wrong(Fault.PASSPHRASES_MISCOUNTED)
        chosen = _from_file(asked.passphrase_file[0])
    else:
        chosen = _bytes(getpass(_prompt(Said.PASSPHRASE, file=str(path))))
        if chosen != _bytes(getpass(_prompt(Said.AGAIN))):
            raise Wrong(Fault.PASSPHRASES_DIFFER)
    if len(chosen.decode()) < LEAST:
        raise Wrong(Fault.PASSPHRASE_SHORT, least=LEAST)
    if len(chosen) > MOST:
        raise Wrong(Fault.PASSPHRASE_LONG, most=MOST)
    return chosen


def _from_file(path: Path) -> bytes:
    try:
        return _bytes(files.read(path).decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise Wrong(Fault.UNREADABLE, file=str(path), why="UTF-8") from None


def _bytes(passphrase: str) -> bytes:
    """The same bytes from every keyboard: an é may be typed as one character or as two."""
    return unicodedata.normalize("NFC", passphrase).encode()


def _folder(path: Path) -> None:
    if not path.is_dir():
        raise Wrong(Fault.NOT_THERE, file=str(path))


def _prompt(what: Said, **where: str | int) -> str:
    return " / ".join(in_both(what, **where).split("\n")) + " : "


def _say(what: Said, **where: str | int) -> None:
    print(in_both(what, **where))


def _tell(what: Said, **where: str | int) -> None:
    """Beside what is asked for."""
    print(in_both(what, **where), file=sys.stderr)
