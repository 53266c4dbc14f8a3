"""Keys of officers, and the key of an election, which any two of three officers have and none of them alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from portal.rules.canonical import b64, instant
from portal.rules.ceremony import Fault, Wrong
from portal.rules.vote_files import Election, Shares, Signature, Trustee, three

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
# Two officers' keys stand in one file: to seal for, and to sign with.
_BLOCK = re.compile(rb"-----BEGIN ENCRYPTED PRIVATE KEY-----[^-]+-----END ENCRYPTED PRIVATE KEY-----")


@dataclass(frozen=True)
class Officer:
    """An officer whose passphrase was right: both private keys, for as long as the command runs."""

    code: str
    sealing: ec.EllipticCurvePrivateKey
    signing: Ed25519PrivateKey


def make_officer(code: str, passphrase: bytes) -> tuple[bytes, Trustee]:
    """New keys of an officer: the file to keep, and what others may know."""
    sealing, signing = ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate()
    private = b"".join(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
        for key in (sealing, signing)
    )
    return private, Trustee(code, point_of(sealing.public_key()), _raw(signing))


def open_officer(name: str, pem: bytes, passphrase: bytes, election: Election) -> Officer:
    """The officer of this election whose file it is."""
    blocks = _BLOCK.findall(pem)
    if len(blocks) != 2:
        raise Wrong(Fault.NOT_KEYS, file=name)
    try:
        sealing, signing = (load_pem_private_key(block, passphrase) for block in blocks)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Wrong(Fault.PASSPHRASE_WRONG, file=name) from None
    if not isinstance(sealing, ec.EllipticCurvePrivateKey) or not isinstance(signing, Ed25519PrivateKey):
        raise Wrong(Fault.NOT_KEYS, file=name)
    for trustee in election.trustees:
        if (trustee.sealing, trustee.signing) == (point_of(sealing.public_key()), _raw(signing)):
            return Officer(trustee.code, sealing, signing)
    raise Wrong(Fault.NOT_A_TRUSTEE, file=name)


def make_election(campaign: str, trustees: Sequence[Trustee], now: datetime) -> tuple[Election, Shares]:
    """A new key, which is nowhere once this returns but sealed for each two of the three."""
    ordered = three(trustees)
    for trustee in ordered:
        check_trustee(trustee)
    key = ec.generate_private_key(ec.SECP256R1())
    election = Election(campaign, point_of(key.public_key()), ordered, instant(now))
    secret = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    wraps = {}
    for first, second in combinations(ordered, 2):
        inner = SUITE.encrypt(secret, public_of(second.sealing), _info(election, first.code, second.code, "inner"))
        outer = SUITE.encrypt(inner, public_of(first.sealing), _info(election, first.code, second.code, "outer"))
        wraps[first.code, second.code] = outer
    return election, Shares(campaign, election.public_key, wraps)


def check_shares(shares: Shares, election: Election, name: str = "shares.json") -> None:
    if (shares.campaign, shares.public_key) != (election.campaign, election.public_key):
        raise Wrong(Fault.OTHER_ELECTION, file=name, campaign=shares.campaign)


def unlock(election: Election, shares: Shares, officers: Sequence[Officer]) -> ec.EllipticCurvePrivateKey:
    """The key of the election, in memory, by two different officers."""
    if len(officers) != 2:
        raise Wrong(Fault.NOT_TWO, count=len(officers))
    first, second = sorted(officers, key=lambda one: one.code)
    if first.code == second.code:
        raise Wrong(Fault.OFFICER_TWICE, code=first.code)
    check_shares(shares, election)
    pair = f"{first.code} + {second.code}"
    wrapped = shares.wraps.get((first.code, second.code))
    if wrapped is None:
        raise Wrong(Fault.SHARE_DAMAGED, pair=pair)
    try:
        inner = SUITE.decrypt(wrapped, first.sealing, _info(election, first.code, second.code, "outer"))
        secret = SUITE.decrypt(inner, second.sealing, _info(election, first.code, second.code, "inner"))
        key = load_der_private_key(secret, None)
    except (InvalidTag, ValueError, TypeError, UnsupportedAlgorithm):
        raise Wrong(Fault.SHARE_DAMAGED, pair=pair) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or point_of(key.public_key()) != election.public_key:
        raise Wrong(Fault.SHARE_DAMAGED, pair=pair)
    return key


def sign(officer: Officer, *, of: str, campaign: str, sha256: str) -> Signature:
    unsigned = Signature(of, campaign, sha256, officer.code, b"")
    return Signature(of, campaign, sha256, officer.code, officer.signing.sign(unsigned.message))


def verified(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def check_trustee(trustee: Trustee) -> None:
    """Raises unless both are keys: what is sealed for a point that is on no curve is lost."""
    try:
        public_of(trustee.sealing)
        Ed25519PublicKey.from_public_bytes(trustee.signing)
    except ValueError:
        raise Wrong(Fault.FIELD_WRONG, file=f"{trustee.code}.pub.json", field="sealing, signing") from None


def public_of(point: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _info(election: Election, first: str, second: str, layer: str) -> bytes:
    return f"scrutin/share/v1|{election.campaign}|{b64(election.public_key)}|{first}|{second}|{layer}".encode()
