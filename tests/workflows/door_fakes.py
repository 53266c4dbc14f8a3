"""The records of one request and one renewal, in memory: each activity under the name of the real one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from temporalio import activity

from activities.doors import FileToLookAt, MomentOf, RequestOf, RequestState
from activities.renewals import RenewalOf, RenewalState
from portal.rules.accounts import RENEWAL_VALID
from portal.rules.doors import Moment, Status


class FakeDoors:
    """Remembers what it was told, in order, and how far the days were skipped."""

    def __init__(self) -> None:
        self.skipped = timedelta(0)
        self.told: list[str] = []
        self.looks = 0
        self.records_away = 0
        # The request.
        self.status = Status.ASKED
        self.asked_at = datetime.now(UTC)
        self.proven_at: datetime | None = None
        self.member_id: UUID | None = None
        self.accepts = True
        self.returned = False
        # The renewal.
        self.used = False
        self.ends_at = datetime.now(UTC) + RENEWAL_VALID

    def prove(self) -> None:
        self.status = Status.PROVEN
        self.proven_at = datetime.now(UTC) + self.skipped

    def decide(self, *, accept: bool) -> None:
        self.status = Status.DECIDED
        self.accepts = accept

    @activity.defn(name="take_up_request")
    async def take_up_request(self, order: RequestOf) -> RequestState:
        if self.records_away:
            self.records_away -= 1
            raise ConnectionError("records away")
        self.looks += 1
        return RequestState(self.status, self.asked_at, self.proven_at, self.member_id)

    @activity.defn(name="meet_moment")
    async def meet_moment(self, order: MomentOf) -> None:
        self.told.append(f"{order.moment}-{order.turn}" if order.turn else order.moment.value)
        if order.moment is Moment.LAPSE:
            self.status = Status.LAPSED

    @activity.defn(name="apply_request_decision")
    async def apply_request_decision(self, order: RequestOf) -> None:
        if self.returned:
            self.returned = False
            self.status = Status.PROVEN
            self.told.append("returned")
            return
        self.status = Status.ACCEPTED if self.accepts else Status.REFUSED
        self.member_id = uuid4() if self.accepts else None
        self.told.append(self.status.value)

    @activity.defn(name="look_again_at_file")
    async def look_again_at_file(self, order: FileToLookAt) -> None:
        self.told.append("file")

    @activity.defn(name="take_up_renewal")
    async def take_up_renewal(self, order: RenewalOf) -> RenewalState:
        self.looks += 1
        return RenewalState(self.used, self.ends_at)

    @activity.defn(name="close_renewal")
    async def close_renewal(self, order: RenewalOf) -> RenewalState:
        self.told.append("used" if self.used else "unused")
        return RenewalState(self.used, self.ends_at, uuid4() if self.used else None)
