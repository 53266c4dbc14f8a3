"""Can documents be stored, opened and truly deleted?"""

import os
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from portal.doctor.findings import Check, Finding, failed, ok, warning
from portal.store import Sessions, leftovers
from portal.store.files import FilesUnavailable, MinioFiles, UnsafeBucket

# What is being uploaded has no row yet; the sweep comes once an hour.
YOUNG = timedelta(hours=3)


class Objects:
    """The checks of the bucket and of the folder with the days' keys."""

    def __init__(self, files: MinioFiles, key_folder: Path, sessions: Sessions) -> None:
        self.files = files
        self.key_folder = key_folder
        self.sessions = sessions

    def checks(self) -> dict[str, Check]:
        return {
            "objects: bucket": self.bucket,
            "objects: strays": self.strays,
            "keys: folder": self.folder,
            "keys: days": self.days,
        }

    async def bucket(self) -> Finding:
        try:
            await self.files.check_policy()
        except UnsafeBucket as error:
            return failed(
                f"it could keep what is deleted: {error}",
                "a bucket of its own without versioning, object lock, replication or backup",
            )
        except FilesUnavailable as error:
            return failed(
                f"the object store does not serve the bucket: {error}", "start it, or see address, key and bucket"
            )
        return ok("it answers, keeps no version and locks nothing")

    async def strays(self) -> Finding:
        try:
            stored = await self.files.stored(older_than=datetime.now(UTC) - YOUNG)
        except FilesUnavailable as error:
            return failed(
                f"the bucket cannot be listed: {error}", "start the object store, or see the rights of the key"
            )
        async with self.sessions.begin() as session:
            known = await leftovers.live_object_keys(session)
        strays = [file for file in stored if file.key not in known]
        if not strays:
            return ok("every object belongs to an open case")
        return warning(
            f"{len(strays)} objects without a case, hours old", "see whether the hourly sweep runs in Temporal"
        )

    async def folder(self) -> Finding:
        try:
            found = os.stat(self.key_folder)
        except FileNotFoundError:
            return failed("it is not there", "make it with mode 0700, shared by api and worker; it is in no backup")
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISDIR(found.st_mode) or mode & 0o077:
            return failed(f"others than its owner may look into it (mode {mode:04o})", "chmod 0700 on the folder")
        if found.st_uid != os.geteuid():
            return failed("it belongs to another user than this process", "run api, worker and doctor as one user")
        open_files = [name for name in os.listdir(self.key_folder) if _mode_of(self.key_folder / name) & 0o077]
        if open_files:
            return failed(f"{len(open_files)} files in it can be read by others", "chmod 0600 on the files in it")
        return ok("only its owner may look into it")

    async def days(self) -> Finding:
        async with self.sessions.begin() as session:
            wanted = await leftovers.epochs_in_use(session)
        there = {name.partition(".")[0] for name in _listed(self.key_folder)}
        gone = sorted(day for day in wanted if day.isoformat() not in there)
        if not gone:
            return ok("every document that waits can be opened")
        return failed(
            f"no key for {', '.join(date.isoformat(day) for day in gone)}",
            "is this the folder that api and worker use? A lost key cannot be had back: its members are asked again",
        )


def _listed(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def _mode_of(file: Path) -> int:
    try:
        return stat.S_IMODE(os.stat(file).st_mode)
    except FileNotFoundError:
        return 0
