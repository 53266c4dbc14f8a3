"""The count: votes are opened, shuffled into order before anything is done with them, and added up."""

from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec

from portal.ceremony.keys import SUITE, Officer, unlock, verified
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import count
from portal.rules.urns import Urn, UrnBallot
from portal.rules.vote_files import Election, Result, Shares, Signature, check_signatures
from portal.rules.votes import decode


def opened(ballot: UrnBallot, key: ec.EllipticCurvePrivateKey) -> list[bytes]:
    """What the votes of a ballot say, in the order of what they say: which came from which is gone here.

    A vote that this key does not open in this ballot, one copied from another ballot for instance, is empty: it will
    be counted as invalid.
    """
    plaintexts = []
    for ciphertext in ballot.ciphertexts:
        try:
            plaintexts.append(SUITE.decrypt(ciphertext, key, ballot.info))
        except (InvalidTag, ValueError):
            plaintexts.append(b"")
    return sorted(plaintexts)


def result_of(
    urn: Urn,
    election: Election,
    shares: Shares,
    officers: Sequence[Officer],
    signatures: Sequence[tuple[str, Signature]],
    progress: Callable[[str, int], None] = lambda code, votes: None,
) -> Result:
    """The result of an urn that two trustees have signed, by two trustees' keys."""
    check_urn(urn, election)
    check_signatures(signatures, election, verified, of="urn", sha256=urn.manifest_sha256)
    key = unlock(election, shares, officers)
    ballots = []
    for ballot in urn.ballots:
        progress(ballot.code, len(ballot.ciphertexts))
        asked = ballot.asked
        options = frozenset(asked.options)
        choices = (decode(plaintext, options=options, most=asked.most) for plaintext in opened(ballot, key))
        ballots.append((ballot.ballot, ballot.code, count(asked, ballot.electors, choices)))
    return Result(urn.campaign, urn.manifest_sha256, tuple(ballots))


def check_urn(urn: Urn, election: Election, name: str = "urn.json") -> None:
    if (urn.campaign, urn.public_key) != (election.campaign, election.public_key):
        raise Wrong(Fault.OTHER_ELECTION, file=name, campaign=urn.campaign)
