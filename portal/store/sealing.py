"""Identity pictures are sealed one by one, to a key that lives a month and is then destroyed.

What authenticators of staff share with the portal is sealed too, with a key derived from the portal's own secret.
"""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NONCE = 12
_ENDING = ".key"


class KeyDestroyed(Exception):
    """The key is gone, as promised: nobody can open this document again."""


class SealBroken(Exception):
    """The bytes are not the ones that were sealed for this document."""


@dataclass(frozen=True)
class Sealed:
    """What may be stored: the ciphertext with the objects, the wrapped key and its day with the records."""

    ciphertext: bytes
    wrapped_key: bytes
    epoch: date


class EpochKeys:
    """One key pair a day, in a folder that api and worker share and that no backup ever holds.

    A wrapped key in PostgreSQL stays in its log and its backups after the row is deleted; it is the end of
    the day's private key that makes all those copies worthless. So nothing here keeps a private key in memory
    either: every opening reads the file again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The folder may have been made by hand, or under another umask.
        folder.chmod(0o700)

    def for_sealing(self, day: date) -> ec.EllipticCurvePublicKey:
        """The public key of that day, made now if it is the day's first use."""
        with suppress(KeyDestroyed):
            return self.for_opening(day).public_key()
        self._make(day)
        return self.for_opening(day).public_key()

    def for_opening(self, day: date) -> ec.EllipticCurvePrivateKey:
        """The private key of that day; not to be kept."""
        try:
            der = self._file(day).read_bytes()
        except FileNotFoundError:
            raise KeyDestroyed(day.isoformat()) from None
        key = load_der_private_key(der, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("not a key of this folder")
        return key

    def days(self) -> list[date]:
        """The days whose key exists, oldest first."""
        found = []
        for file in self._folder.glob(f"*{_ENDING}"):
            with suppress(ValueError):
                found.append(date.fromisoformat(file.name.removesuffix(_ENDING)))
        return sorted(found)

    def destroy(self, day: date) -> bool:
        """End that day's key; False when it was gone already.

        Overwriting is what a program can do and no more: on a journal, on copy-on-write, on flash that moves
        its blocks, the old bytes may stay until the device reuses them. Where that matters, the folder is a
        tmpfs or an encrypted volume whose own key can be thrown away. Unlinking comes first, so that nobody
        reads half a key.
        """
        try:
            descriptor = os.open(self._file(day), os.O_WRONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            with suppress(FileNotFoundError):
                self._file(day).unlink()
            self._remember_folder()
            os.write(descriptor, secrets.token_bytes(os.fstat(descriptor).st_size))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def _make(self, day: date) -> None:
        der = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        draft = self._folder / f".{secrets.token_hex(16)}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            try:
                os.write(descriptor, der)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            # A link is made only where nothing is: of two processes at midnight one wins, and both then read
            # its key.
            with suppress(FileExistsError):
                os.link(draft, self._file(day))
        finally:
            draft.unlink()
        # What is sealed must not outlive a key that a power cut forgot.
        self._remember_folder()

    def _file(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}{_ENDING}"

    def _remember_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def seal(keys: EpochKeys, document_id: UUID, plaintext: bytes, day: date) -> Sealed:
    """Seal a document with a key of its own, wrapped to the day's; both are bound to this document."""
    context = _context(document_id)
    key = AESGCM.generate_key(bit_length=256)
    nonce = secrets.token_bytes(_NONCE)
    ciphertext = nonce + AESGCM(key).encrypt(nonce, plaintext, context)
    return Sealed(ciphertext, _SUITE.encrypt(key, keys.for_sealing(day), context), day)


def unseal(keys: EpochKeys, document_id: UUID, *, ciphertext: bytes, wrapped_key: bytes | None, epoch: date) -> bytes:
    """The document, as long as its wrapped key and the key of its day both exist."""
    if not wrapped_key:
        raise KeyDestroyed(epoch.isoformat())
    context = _context(document_id)
    private_key = keys.for_opening(epoch)
    if len(ciphertext) < _NONCE:
        raise SealBroken
    try:
        # A day's key made anew after its destruction ends here too: what the first one wrapped stays shut.
        key = _SUITE.decrypt(wrapped_key, private_key, context)
        return AESGCM(key).decrypt(ciphertext[:_NONCE], ciphertext[_NONCE:], context)
    except (InvalidTag, ValueError):
        # ValueError: what was unwrapped is not the length of a key.
        raise SealBroken from None


def seal_vote(election_key: bytes, plaintext: bytes, info: bytes) -> bytes:
    """A vote, sealed for who holds the other half of the election's key, as a browser seals its own.

    For a reader without scripts; the choice goes no further than this call.
    """
    public_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), election_key)
    return _SUITE.encrypt(plaintext, public_key, info)


def is_point(encoded: bytes) -> bool:
    """Whether this is a point of the curve: to what is none no vote can be sealed."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)
    except ValueError:
        return False
    return True


def verified(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether whoever has the other half of this key has signed this."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def seal_shared(secret: bytes, account_id: UUID, plaintext: bytes) -> bytes:
    """Seal what an authenticator shares with us: a copy of the records alone does not open it."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_shared_key(secret)).encrypt(nonce, plaintext, _whose(account_id))


def unseal_shared(secret: bytes, account_id: UUID, ciphertext: bytes) -> bytes:
    """What was sealed for this account; SealBroken under another secret of the portal, or for another account."""
    try:
        return AESGCM(_shared_key(secret)).decrypt(ciphertext[:_NONCE], ciphertext[_NONCE:], _whose(account_id))
    except (InvalidTag, ValueError):
        raise SealBroken from None


def _shared_key(secret: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"scrutin/authenticator/v1").derive(secret)


def _whose(account_id: UUID) -> bytes:
    return f"scrutin/authenticator/v1|{account_id}".encode()


def _context(document_id: UUID) -> bytes:
    return f"scrutin/identity/v1|{document_id}".encode()
