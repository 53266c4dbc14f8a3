"""An election's key for tests: here both halves are known."""

from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.rules.canonical import b64
from portal.rules.vote_files import Signature

PRIVATE = ec.derive_private_key(20170303, ec.SECP256R1())
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def point(n: int) -> bytes:
    """Another public key."""
    public = ec.derive_private_key(n, ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def signing(n: int) -> Ed25519PrivateKey:
    """What an officer signs with."""
    return Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)


def signed(n: int, *, of: str, campaign: str, sha256: str, by: int | None = None) -> str:
    """An officer's signature as a file; `by`: under another one's name."""
    unsigned = Signature(of, campaign, sha256, f"officer-{by or n}", b"")
    return replace(unsigned, signature=signing(n).sign(unsigned.message)).written().decode()


TRUSTEES = [
    {
        "code": f"officer-{n}", "sealing": b64(point(n)),
        "signing": b64(signing(n).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
    }
    for n in (1, 2, 3)
]  # fmt: skip
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def opened(ciphertext: bytes, info: bytes) -> bytes:
    """What a vote says: nothing that runs while voting is open can do this."""
    return _SUITE.decrypt(ciphertext, PRIVATE, info)
