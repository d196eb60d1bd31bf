"""Where the database holds closed values, and what each is bound to.

Rules: every `LargeBinary` column that the vault closed is here, or a rotation would leave it behind; a
test compares this list with the schema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table

from dialer_engine.store.cases import number_place, personal_place
from dialer_engine.store.schema import case_numbers, cases
from dialer_engine.store.schema_books import (
    complaints,
    contact_points,
    holds,
    interactions,
    payments,
    related_parties,
)


@dataclass(frozen=True, slots=True)
class Closed:
    """One column. place: of a row, what its value is bound to."""

    table: Table
    column: Column[Any]
    place: Callable[[Any], str]


def value_place(case_id: int, key: str) -> str:
    """Of a contact."""
    return f"contact_points.value/{case_id}/{key}"


def party_place(case_id: int, key: str) -> str:
    """Of a related party."""
    return f"related_parties.personal/{case_id}/{key}"


def hold_place(case_id: int) -> str:
    """Of the reason of a hold."""
    return f"holds.reason/{case_id}"


def memo_place(reference: str) -> str:
    """Of what a payer wrote."""
    return f"payments.memo/{reference}"


def complaint_place(case_id: int, key: str) -> str:
    """Of the words of a complaint."""
    return f"complaints.text/{case_id}/{key}"


def note_place(case_id: int) -> str:
    """Of the words of an interaction."""
    return f"interactions.text/{case_id}"


CLOSED: tuple[Closed, ...] = (
    Closed(cases, cases.c.personal, lambda row: personal_place(row.reference)),
    Closed(case_numbers, case_numbers.c.number, lambda row: number_place(row.case_id, row.rank)),
    Closed(
        contact_points,
        contact_points.c.value,
        lambda row: value_place(row.case_id, row.value_key),
    ),
    Closed(
        related_parties,
        related_parties.c.personal,
        lambda row: party_place(row.case_id, row.key),
    ),
    Closed(holds, holds.c.reason, lambda row: hold_place(row.case_id)),
    Closed(payments, payments.c.memo, lambda row: memo_place(row.reference)),
    Closed(complaints, complaints.c.text, lambda row: complaint_place(row.case_id, row.key)),
    Closed(interactions, interactions.c.text, lambda row: note_place(row.case_id)),
)
