"""An election's key for tests: here both halves are known."""

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PRIVATE = ec.derive_private_key(20170303, ec.SECP256R1())
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def point(n: int) -> bytes:
    """Another public key."""
    public = ec.derive_private_key(n, ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


TRUSTEES = [{"code": f"officer-{n}", "sealing": "", "signing": ""} for n in (1, 2, 3)]
_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def opened(ciphertext: bytes, info: bytes) -> bytes:
    """What a vote says: nothing that runs while voting is open can do this."""
    return _SUITE.decrypt(ciphertext, PRIVATE, info)
