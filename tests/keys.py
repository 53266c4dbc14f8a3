"""Keys of people who exist in tests only: what a security key does, in software (WebAuthn level 2, «none» attestation).

Every member of the staff that tests make up holds one, unless told otherwise: `Person.sign_in` shows it when asked.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

# One private key serves them all: which person it is of is told by the credential.
_PRIVATE = ec.derive_private_key(0x5C7A7111, ec.SECP256R1())
_OURS = b"test-key-"


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def credential_of(account_id: UUID) -> bytes:
    return _OURS + account_id.bytes


@dataclass
class Key:
    """One key; what it says can be bent for a test."""

    private: ec.EllipticCurvePrivateKey = _PRIVATE
    verified: bool = True
    # As keys do that a maker keeps in step on several devices.
    count: int = 0

    @property
    def public(self) -> bytes:
        """As the portal keeps it (COSE)."""
        numbers = self.private.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})

    def sign(self, options: dict[str, Any], origin: str, credential: bytes | None = None) -> str:
        """The answer to a challenge, as a browser at this address would send it."""
        held = credential or next(
            (raw(one["id"]) for one in options["allowCredentials"] if raw(one["id"]).startswith(_OURS)), None
        )
        assert held is not None, "none of these keys is of the tests"
        client = self._client_data("webauthn.get", options["challenge"], origin)
        said = self._authenticator_data(origin)
        signature = self.private.sign(said + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(held, authenticatorData=said, clientDataJSON=client, signature=signature)

    def make(self, options: dict[str, Any], origin: str, credential: bytes) -> str:
        """The answer to being told to make a key."""
        client = self._client_data("webauthn.create", options["challenge"], origin)
        attested = bytes(16) + len(credential).to_bytes(2) + credential + self.public
        said = self._authenticator_data(origin, attested)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": said})
        return self._answer(credential, attestationObject=attestation, clientDataJSON=client)

    def _authenticator_data(self, origin: str, attested: bytes = b"") -> bytes:
        flags = 0x01 | (0x04 if self.verified else 0) | (0x40 if attested else 0)
        party = sha256((urlsplit(origin).hostname or "").encode()).digest()
        return party + bytes([flags]) + self.count.to_bytes(4) + attested

    @staticmethod
    def _client_data(kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    @staticmethod
    def _answer(credential: bytes, **response: bytes) -> str:
        return json.dumps(
            {
                "id": text(credential), "rawId": text(credential), "type": "public-key", "clientExtensionResults": {},
                "response": {name: text(value) for name, value in response.items()},
            }
        )  # fmt: skip
