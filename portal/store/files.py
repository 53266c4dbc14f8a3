"""The bucket of sealed identity pictures: put, get, erase, and prove that nothing is left."""

import asyncio
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from xml.etree import ElementTree as ET

import structlog
import urllib3
from minio import Minio
from minio.datatypes import Object
from minio.error import InvalidResponseError, MinioException, S3Error

log = structlog.get_logger(__name__)

T = TypeVar("T")

# A refused connection fails at once; a server that swallows packets costs two seconds twice, one that hangs
# six twice.
CONNECT_SECONDS = 2.0
READ_SECONDS = 6.0
AT_ONCE = 8

_KEY = re.compile(r"[0-9a-f]{32}")
_CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")

_GONE = frozenset({"NoSuchKey", "NoSuchVersion", "ResourceNotFound"})
# A server that does not know the question cannot have the feature switched on.
_UNKNOWN_TO_SERVER = frozenset({"NotImplemented"})
_NO_LOCK = _UNKNOWN_TO_SERVER | {"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"}
# The server understood a deletion and will not do it: a lock, a hold, a right that is missing.
_KEPT = frozenset({"AccessDenied", "ObjectLocked", "InvalidRequest", "MethodNotAllowed", "InvalidObjectState"})


class FileGone(Exception):
    """There is nothing under this name."""


class StillThere(Exception):
    """Something of this file is left after its deletion: to be tried again, without end."""


class FilesUnavailable(Exception):
    """The object store is away or out of order; the message is a code, never a name."""


class UnsafeBucket(Exception):
    """The bucket could keep what we delete, or cannot show that it would not."""


@dataclass(frozen=True)
class StoredFile:
    key: str
    modified_at: datetime


class Files(Protocol):
    """Where sealed pictures are; every name is 32 hexadecimal digits and says nothing."""

    async def put(self, key: str, data: bytes) -> None: ...

    async def get(self, key: str) -> bytes: ...

    async def erase(self, key: str) -> int: ...

    async def stored(self, older_than: datetime | None = None) -> list[StoredFile]: ...

    async def check_policy(self) -> None: ...


class _Refusal(Exception):
    """What the server answered, by its S3 code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MinioFiles:
    """The bucket behind any server that speaks S3, through MinIO's client."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str,
        *,
        secure: bool = True,
        create_bucket: bool = False,
    ) -> None:
        self._bucket = bucket
        self._create_bucket = create_bucket
        self._places = asyncio.Semaphore(AT_ONCE)
        # Certificates are checked against the system's own list, where a union's private authority can be
        # added.
        pool = urllib3.PoolManager(
            maxsize=AT_ONCE,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            cert_reqs="CERT_REQUIRED",
        )
        # A region that is given is never asked for: one round trip less, one right less for our key.
        self._client = Minio(endpoint, access_key, secret_key, region=region, secure=secure, http_client=pool)

    async def put(self, key: str, data: bytes) -> None:
        """Store in a single PUT: no multipart upload can be left unfinished."""
        name = _checked(key)

        def work() -> None:
            self._client.put_object(
                self._bucket,
                name,
                io.BytesIO(data),
                len(data),
                content_type="application/octet-stream",
                part_size=max(len(data), 5 * 1024 * 1024),
            )

        await self._away(work)

    async def get(self, key: str) -> bytes:
        name = _checked(key)

        def work() -> bytes:
            response = self._client.get_object(self._bucket, name)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

        try:
            return await self._away(work)
        except _Refusal as refusal:
            code = refusal.code
        raise FileGone if code in _GONE else FilesUnavailable(code)

    async def erase(self, key: str) -> int:
        """Delete every version and delete marker, prove that nothing is left, say how many there were.

        A plain deletion on a bucket with versions only adds a marker, and the bytes stay readable by version.
        """
        name = _checked(key)
        removed = 0
        for version in await self._versions(name):
            removed += await self._remove(name, version)
        if await self._versions(name) or await self._answers(name):
            raise StillThere("listed")
        return removed

    async def stored(self, older_than: datetime | None = None) -> list[StoredFile]:
        """Every file, oldest first, for the sweep; names that are not ours are only counted, in the log."""

        def work() -> list[Object]:
            return list(self._client.list_objects(self._bucket, recursive=True))

        listed = await self._asked(work)
        found = [
            StoredFile(entry.object_name, entry.last_modified)
            for entry in listed
            if entry.object_name and entry.last_modified and _KEY.fullmatch(entry.object_name)
        ]
        if len(found) < len(listed):
            log.warning("files.foreign-names", count=len(listed) - len(found))
        return sorted(
            (file for file in found if older_than is None or file.modified_at < older_than),
            key=lambda file: file.modified_at,
        )

    async def check_policy(self) -> None:
        """Refuse a bucket that keeps versions, ever kept any, or locks objects; called at start-up."""
        if self._create_bucket:
            await self._asked(self._make_bucket)
        try:
            status = await self._away(lambda: self._client.get_bucket_versioning(self._bucket).status)
        except _Refusal as refusal:
            if refusal.code not in _UNKNOWN_TO_SERVER:
                raise UnsafeBucket(f"versioning cannot be read: {refusal.code}") from None
            status = None
        # "Suspended" keeps the versions of before; the client says "Off" when the server says nothing.
        if status in ("Enabled", "Suspended"):
            raise UnsafeBucket(f"versioning is {status}")
        try:
            locked = await self._away(self._has_lock)
        except _Refusal as refusal:
            if refusal.code not in _NO_LOCK:
                raise UnsafeBucket(f"object lock cannot be read: {refusal.code}") from None
            locked = False
        if locked:
            raise UnsafeBucket("object lock is on")

    def _make_bucket(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            self._client.make_bucket(self._bucket)

    def _has_lock(self) -> bool:
        # The client's own get_object_lock_config drops the one element that matters, "ObjectLockEnabled", and
        # takes any answer for a configuration: rclone, which does not know the question, answers with a
        # listing.
        question: dict[str, str | list[str] | tuple[str]] = {"object-lock": ""}
        response = self._client._execute("GET", self._bucket, query_params=question)
        root = ET.fromstring(response.data.decode())  # noqa: S314 - our own server's answer
        return root.tag.rpartition("}")[2] == "ObjectLockConfiguration" and len(root) > 0

    async def _versions(self, name: str) -> list[str | None]:
        """The version ids of exactly this name, delete markers among them; None where there are no ids."""

        def listing(*, include_version: bool) -> list[str | None]:
            entries = self._client.list_objects(
                self._bucket, prefix=name, recursive=True, include_version=include_version
            )
            return [entry.version_id for entry in entries if entry.object_name == name]

        try:
            return await self._away(lambda: listing(include_version=True))
        except _Refusal as refusal:
            code = refusal.code
        if code in _UNKNOWN_TO_SERVER:
            return await self._asked(lambda: listing(include_version=False))
        raise FilesUnavailable(code)

    async def _remove(self, name: str, version: str | None) -> int:
        """One if this version was deleted now, none if somebody else had just done it."""
        try:
            await self._away(lambda: self._client.remove_object(self._bucket, name, version_id=version))
        except _Refusal as refusal:
            code = refusal.code
        else:
            return 1
        if code in _GONE:
            return 0
        raise StillThere(code) if code in _KEPT else FilesUnavailable(code)

    async def _answers(self, name: str) -> bool:
        try:
            await self._away(lambda: self._client.stat_object(self._bucket, name))
        except _Refusal as refusal:
            if refusal.code in _GONE:
                return False
            code = refusal.code
        else:
            return True
        raise FilesUnavailable(code)

    async def _asked(self, work: Callable[[], T]) -> T:
        """As `_away`, where no refusal of the server is expected."""
        try:
            return await self._away(work)
        except _Refusal as refusal:
            code = refusal.code
        raise FilesUnavailable(code)

    async def _away(self, work: Callable[[], T]) -> T:
        """Run in a thread; an outage is `FilesUnavailable`, an answer of the server `_Refusal`.

        Both are raised outside the handler: the client's own exceptions name the object, and would follow as
        context into logs and histories.
        """
        trouble: Exception
        try:
            async with self._places:
                return await asyncio.to_thread(work)
        except S3Error as error:
            trouble = _Refusal(error.code or "unknown")
        except InvalidResponseError as error:
            # rclone answers its errors as text/xml, which the client takes for no XML at all; the code is in
            # the text.
            found = _CODE.search(str(error))
            trouble = _Refusal(found[1]) if found else FilesUnavailable("odd-answer")
        except MinioException:
            trouble = FilesUnavailable("server-error")
        except urllib3.exceptions.HTTPError as error:
            trouble = FilesUnavailable(type(error).__name__)
        except (OSError, ET.ParseError) as error:
            trouble = FilesUnavailable(type(error).__name__)
        raise trouble


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        # Without the name: what is not one of ours might be somebody's.
        raise ValueError("a file's name is 32 hexadecimal digits")
    return key
