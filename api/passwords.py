"""Password hashing and screening: the only place that knows argon2 and zxcvbn."""

import asyncio
import os
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn_rs_py import zxcvbn

from portal.rules.accounts import UNION_WORDS, password_weakness
from portal.rules.refusals import Refusal, Refused

Result = TypeVar("Result")

# OWASP ASVS 5.0 appendix C: the floor for t=2.
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
# Hashes waiting beyond this are refused politely: a queue of fifty is a second and a half.
MOST_WAITING = 50


class Passwords:
    """Hashes in a pool of its own, one thread a core, so that people already signed in never wait behind it."""

    def __init__(self, min_length: int) -> None:
        self.min_length = min_length
        self.calls = 0
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        # Compared with when there is nothing to compare with, so that an unknown name costs the same.
        self._nobody = self._hasher.hash(os.urandom(16).hex())
        self._pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="argon2")
        self._waiting = 0

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; exactly one hash is computed whatever the answer."""
        same = await self._in_pool(self._verify, stored or self._nobody, password)
        return same and stored is not None

    async def hash(self, password: str) -> str:
        return await self._in_pool(self._hash, password)

    def outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def weakness(self, password: str, known_words: Collection[str]) -> Refusal | None:
        """Why a new password is refused; `known_words` are those an acquaintance would try."""
        words = {*UNION_WORDS, *(w for w in known_words if w)}
        score = int(zxcvbn(password[:128], list(words)).score)
        return password_weakness(password, min_length=self.min_length, score=score, known_words=words)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)

    async def _in_pool(self, work: Callable[..., Result], *arguments: object) -> Result:
        if self._waiting >= MOST_WAITING:
            raise Refused(Refusal.BUSY)
        self._waiting += 1
        self.calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._waiting -= 1
