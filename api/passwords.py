"""Password hashing and screening: the only place that knows argon2 and zxcvbn."""

import asyncio
import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from zxcvbn_rs_py import zxcvbn

from portal.rules.accounts import UNION_WORDS, password_weakness
from portal.rules.refusals import Refusal, Refused

Result = TypeVar("Result")

# OWASP ASVS 5.0 appendix C: the floor for t=2.
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
# Whoever comes after so many is refused politely: a queue of fifty is a second and a half.
MOST_WAITING = 50


class Passwords:
    """Hashes in pools of their own, one thread a core, so that whoever needs none never waits behind them."""

    def __init__(self, min_length: int) -> None:
        self.min_length = min_length
        self.calls = 0
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        # Compared with when there is nothing to compare with, so that an unknown name costs the same.
        self._nobody = self._hasher.hash(os.urandom(16).hex())
        # Whoever is in, and types the password once more to vote, waits behind nobody who is still coming in (T86).
        self._coming, self._inside = _Queue("argon2"), _Queue("argon2-inside")

    @contextmanager
    def place(self, *, inside: bool = False) -> Iterator["Place"]:
        """A place in the queue of those who come in, or of those who are inside; Refused if it is full.

        Taken before a try is counted: whoever finds none has tried nothing.
        """
        queue = self._inside if inside else self._coming
        if queue.taken >= MOST_WAITING:
            raise Refused(Refusal.BUSY)
        queue.taken += 1
        try:
            yield Place(self, queue)
        finally:
            queue.taken -= 1

    def outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def weakness(self, password: str, known_words: Collection[str]) -> Refusal | None:
        """Why a new password is refused; `known_words` are those an acquaintance would try."""
        words = {*UNION_WORDS, *(w for w in known_words if w)}
        score = int(zxcvbn(password[:128], list(words)).score)
        return password_weakness(password, min_length=self.min_length, score=score, known_words=words)

    def close(self) -> None:
        for queue in (self._coming, self._inside):
            queue.pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(stored or self._nobody, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    def _hash(self, password: str) -> str:
        return self._hasher.hash(password)


class _Queue:
    """Those who wait for a hash, one after the other on each core."""

    def __init__(self, name: str) -> None:
        self.pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix=name)
        self.taken = 0


class Place:
    """Somebody's turn: a hash is computed for nobody who has none."""

    def __init__(self, passwords: Passwords, queue: _Queue) -> None:
        self._passwords, self._queue = passwords, queue

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; exactly one hash is computed whatever the answer."""
        return await self._done(self._passwords._verify, stored, password) and stored is not None

    async def hash(self, password: str) -> str:
        return await self._done(self._passwords._hash, password)

    async def _done(self, work: Callable[..., Result], *arguments: object) -> Result:
        self._passwords.calls += 1
        return await asyncio.get_running_loop().run_in_executor(self._queue.pool, work, *arguments)
