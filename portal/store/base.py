"""The ground of all tables: names of constraints, moments in UTC, random ids."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, cast
from uuid import UUID, uuid4

from sqlalchemy import DateTime, MetaData, Table, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.sql.elements import ColumnElement

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[Any] = {datetime: DateTime(timezone=True), UUID: Uuid()}


# Random, never a serial: an id tells neither age nor order.
NewId = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]


def table_of(entity: type[Base]) -> Table:
    """The table of an entity, for statements put together once, at import, and filled in with parameters.

    Composing one anew costs several times what PostgreSQL takes to run it, and somebody waits (docs/decisions/0009).
    A parameter of an UPDATE is named unlike every column: it would be written into the column of its name.
    """
    return cast(Table, entity.__table__)


def row_if(table: Table, prefix: str, columns: Sequence[str], condition: ColumnElement[bool]) -> Insert:
    """One row whose columns are the parameters `prefix_column`, if the condition holds.

    A row of the same key stays as it is.
    """
    values = select(*(bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in columns)).where(condition)
    return insert(table).from_select(list(columns), values, include_defaults=False).on_conflict_do_nothing()
