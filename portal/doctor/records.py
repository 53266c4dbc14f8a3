"""Is the database the one this code was made for, and does it keep what it must not give away to itself?"""

from datetime import UTC, datetime, timedelta

from portal.doctor.findings import Check, Finding, failed, of_age, ok, warning
from portal.rules.identity import ERASURE_TARGET
from portal.store import Sessions, chain, health, schema
from portal.store.chain import Fault

# No statement's parameters, no row and no time of a commit may reach a log.
WANTED = {
    "log_statement": ("none", "ddl"),
    "log_parameter_max_length": ("0",),
    "log_parameter_max_length_on_error": ("0",),
    "log_min_duration_statement": ("-1",),
    "log_error_verbosity": ("terse",),
    "track_commit_timestamp": ("off",),
}
# Known to the server only while the module is loaded, which logs plans with their values.
FORBIDDEN_MODULE = "auto_explain.log_min_duration"
NEAR, FAR = timedelta(seconds=2), timedelta(seconds=30)
ERASURE_ALARM = timedelta(hours=1)
# How much of the journal is recomputed at every look, and how long an entry waits for its link at most.
LINKS = 5_000
LINK_SOON = timedelta(minutes=5)
MAIL_SOON, MAIL_LATE = timedelta(minutes=10), timedelta(hours=1)


class Records:
    """The checks of PostgreSQL, as the role of whichever process asks."""

    def __init__(self, url: str, sessions: Sessions) -> None:
        self.url = url
        self.sessions = sessions

    def checks(self) -> dict[str, Check]:
        return {
            "database: reachable": self.reachable,
            "database: revision": self.revision,
            "database: tables": self.tables,
            "database: roles": self.roles,
            "database: append only": self.append_only,
            "journal: chain": self.chain,
            "database: logs": self.logs,
            "database: replication": self.replication,
            "database: clock": self.clock,
            "documents: deletion": self.deletion,
            "mail: queue": self.queue,
        }

    async def reachable(self) -> Finding:
        async with self.sessions.begin() as session:
            await health.now(session)
        return ok("PostgreSQL answers")

    async def revision(self) -> Finding:
        found, wanted = await schema.revisions(self.url)
        if [found] == wanted:
            return ok(f"at {found}, as the code wants it")
        return failed(
            f"at {found}, and the code wants {', '.join(wanted)}",
            "as the owner of the database: python -m portal migrate",
        )

    async def tables(self) -> Finding:
        differences = await schema.drift_of(self.url)
        if not differences:
            return ok("the tables are those of the code")
        return failed(
            f"{differences} differences between the tables and the code",
            "find who changed the database by hand; restore, or migrate",
        )

    async def roles(self) -> Finding:
        async with self.sessions.begin() as session:
            powerful = await health.powerful_roles(session)
        if not powerful:
            return ok("the two processes' roles own nothing and may create nothing")
        return failed(
            f"{', '.join(powerful)}: missing, owns tables, or may do more than a process needs",
            "alter role … nosuperuser nocreatedb nocreaterole nobypassrls noreplication; another role owns the tables;"
            " revoke temporary on database … from public",
        )

    async def append_only(self) -> Finding:
        async with self.sessions.begin() as session:
            rewritable = await health.rewritable(session)
        if not rewritable:
            return ok("journal, opinions, decisions and erasures can only be added to")
        return failed(
            f"can be rewritten: {', '.join(rewritable)}",
            "revoke update, delete, truncate on these tables from these roles; if a trigger is gone, restore it",
        )

    async def chain(self) -> Finding:
        """The newest links once more, and whether anybody makes them; the whole chain is `journal verify`."""
        async with self.sessions.begin() as session:
            head = await chain.head(session)
            age = await health.oldest_unlinked(session)
        first = 1 if head is None else max(1, head.seq - LINKS + 1)
        found = await chain.verify(self.sessions, first=first)
        if found.fault is not None and found.fault is not Fault.UNLINKED:
            return failed(
                f"{found.fault.value}: entry {found.entry_id or '?'}, link {found.seq or '?'}",
                "find who changed the journal by hand; then the whole of it: python -m portal journal verify",
            )
        links = f"{found.links} newest links recomputed"
        if age is None or age < LINK_SOON:
            return ok(links)
        said = f"{links}; an entry has waited {age // timedelta(minutes=1)} min for its link"
        remedy = "is the worker away, which makes the links? If not, it was inserted beside the portal"
        return failed(said, remedy) if age >= chain.LINKED_WITHIN else warning(said, remedy)

    async def logs(self) -> Finding:
        async with self.sessions.begin() as session:
            found = await health.settings(session, (*WANTED, FORBIDDEN_MODULE))
        wrong = [
            f"{name} = {found[name]} (wanted: {' or '.join(values)})"
            for name, values in WANTED.items()
            if found[name] not in values
        ]
        if found[FORBIDDEN_MODULE] is not None:
            wrong.append("auto_explain is loaded")
        if not wrong:
            return ok("no parameter, row or time of a commit reaches a log")
        return failed("; ".join(wrong), "set them in postgresql.conf as PINNED of deploy/postgres.py does, and reload")

    async def replication(self) -> Finding:
        async with self.sessions.begin() as session:
            slots = await health.logical_slots(session)
        if not slots:
            return ok("nobody is sent the rows as they are written")
        return failed(f"{slots} logical replication slots", "drop them: select pg_drop_replication_slot('…')")

    async def clock(self) -> Finding:
        before = datetime.now(UTC)
        async with self.sessions.begin() as session:
            at = await health.now(session)
        after = datetime.now(UTC)
        # What the question itself took is nobody's difference.
        apart = max(before - at, at - after, timedelta(0))
        said = f"{apart.total_seconds():.1f} s between this machine and the database"
        remedy = "NTP on both machines: the database's clock opens and closes the vote"
        if apart > FAR:
            return failed(said, remedy)
        return warning(said, remedy) if apart > NEAR else ok(said)

    async def deletion(self) -> Finding:
        async with self.sessions.begin() as session:
            left = await health.not_erased(session)
        return of_age(
            "deletion",
            left.count,
            left.age,
            soon=ERASURE_TARGET,
            late=ERASURE_ALARM,
            remedy="is the object store away? Then look at the activity erase_documents in Temporal",
        )

    async def queue(self) -> Finding:
        async with self.sessions.begin() as session:
            due = await health.mails_due(session)
        return of_age(
            "mail",
            due.count,
            due.age,
            soon=MAIL_SOON,
            late=MAIL_LATE,
            remedy="is the mail server away, or the background worker? Mails are kept and sent once they are back",
        )
