"""Passkeys: what a browser is asked, and whether its answer holds. The only place that knows webauthn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portal.store.factors import Passkey

NAME = "Scrutin"
# What the library raises for an answer that does not hold, and Python for one that is no answer at all.
WRONG = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class NewKey:
    credential_id: bytes
    public_key: bytes
    sign_count: int


class Party:
    """The portal as keys know it: a key made here answers to this address and no other (security-tests.md T19)."""

    def __init__(self, origin: str) -> None:
        self.origin = origin.rstrip("/")
        self.id = urlsplit(self.origin).hostname or ""

    def ask(self, passkeys: Sequence[Passkey]) -> tuple[bytes, dict[str, Any]]:
        """A challenge, and what the browser is told to have one of these keys sign it."""
        options = generate_authentication_options(
            rp_id=self.id,
            allow_credentials=_descriptors(passkeys),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options.challenge, json.loads(options_to_json(options))

    def ask_new(self, account_id: UUID, email: str, passkeys: Sequence[Passkey]) -> tuple[bytes, dict[str, Any]]:
        """A challenge, and what the browser is told to make a key that is none of these.

        Who made the key is not asked: no attestation.
        """
        options = generate_registration_options(
            rp_id=self.id,
            rp_name=NAME,
            user_id=account_id.bytes,
            user_name=email,
            user_display_name=email,
            attestation=AttestationConveyancePreference.NONE,
            exclude_credentials=_descriptors(passkeys),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        return options.challenge, json.loads(options_to_json(options))

    def made(self, answer: str, challenge: bytes) -> NewKey | None:
        """The key that a browser has just made, if the answer holds."""
        try:
            made = verify_registration_response(
                credential=answer, expected_challenge=challenge, expected_rp_id=self.id, expected_origin=self.origin,
                require_user_verification=True,
            )  # fmt: skip
        except WRONG:
            return None
        return NewKey(made.credential_id, made.credential_public_key, made.sign_count)

    def signed(self, answer: str, challenge: bytes, passkey: Passkey) -> int | None:
        """How often the key says it was used, if it signed this challenge, here, for somebody who proved to it who
        they are."""
        try:
            signed = verify_authentication_response(
                credential=answer, expected_challenge=challenge, expected_rp_id=self.id, expected_origin=self.origin,
                credential_public_key=passkey.public_key, require_user_verification=True,
                # Whether it goes back is decided in the statement that writes it (portal/store/factors.py).
                credential_current_sign_count=0,
            )  # fmt: skip
        except WRONG:
            return None
        return signed.new_sign_count


def credential_of(answer: str) -> bytes:
    """Which key an answer says it is from; no bytes if it says nothing."""
    try:
        return base64url_to_bytes(json.loads(answer)["id"])
    except WRONG:
        return b""


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in passkeys]
