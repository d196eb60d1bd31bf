"""What takes a law card away: triggers on every table that a card is made from.

Rules: whoever changes a source of a card, by whatever statement, takes the card in the same transaction, so
that a card that can be seen is true; nobody has to think of it. A card without its row in `case_facts` is
never made, so that the first row of a case needs no trigger. On PostgreSQL the row of `cases` is the lock:
who changes a source and who makes a card (`law_cards.build`) wait for each other there, and look again
afterwards. SQLite has one writer. A revision that changes what is here drops the triggers and makes them
again.

The other triggers note that somebody was contacted (`case_numbers.called`), by an attempt, or otherwise (a
row on the timeline, or on the counter of a number): the case, every case with that number, and every case
of that person. A case that is being imported at this very moment is not
seen; what the attempt takes of caps and gaps is held against the history itself (`compliance.reserve`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import DDL, MetaData, event

_CLEAR = "SET card_of = NULL, person = NULL, card = NULL"


@dataclass(frozen=True, slots=True)
class Source:
    """A table that cards are made from. case_id: its column that names the case. columns: of updates that
    matter. events: others that matter.
    """

    table: str
    columns: tuple[str, ...]
    events: tuple[str, ...] = ("INSERT", "DELETE")
    case_id: str = "case_id"


SOURCES = (
    Source("cases", ("reference", "id_key", "number_count", "skill"), (), "id"),
    Source("case_numbers", ("case_id", "rank", "number_key"), ()),
    Source(
        "case_facts",
        ("creditor", "debt_type", "party_type", "jurisdiction", "oldest_due", "reason_overdue", "tags"),
        ("DELETE",),
    ),
    Source("contact_points", ("case_id", "party_id", "kind", "value_key", "consent", "zone")),
    Source("related_parties", ("case_id", "role", "refused"), ("DELETE",)),
    Source("holds", ("case_id", "kind", "until")),
    Source("number_verdicts", ("case_id", "number_key", "state")),
    Source("rule_overrides", ("case_id", "rule", "kind", "who", "why", "until", "window_start", "window_end")),
)  # fmt: skip
_FUNCTION = "forget_law_cards"


def statements(dialect: str) -> Iterator[str]:
    """The DDL that makes all triggers."""
    if dialect == "postgresql":
        yield from _functions()
    yield from _called(dialect)
    for source in SOURCES:
        for happening in (f"UPDATE OF {', '.join(source.columns)}", *source.events):
            yield _trigger(source, happening, dialect)


def _trigger(source: Source, happening: str, dialect: str) -> str:
    verb = happening.partition(" ")[0]
    row = "OLD" if verb == "DELETE" else "NEW"
    head = f"CREATE TRIGGER law_cards_{source.table}_{verb.lower()} AFTER {happening} ON {source.table}"
    when = _changed(source, dialect) if verb == "UPDATE" else ""
    if dialect == "postgresql":
        return f"{head} FOR EACH ROW {when}EXECUTE FUNCTION {_FUNCTION}('{source.case_id}')"
    own = f"case_id = {row}.{source.case_id}"
    return (
        f"{head} FOR EACH ROW {when}BEGIN UPDATE case_numbers {_CLEAR}"
        f" WHERE {own} AND card_of IS NOT NULL; END"
    )


def _changed(source: Source, dialect: str) -> str:
    """An import writes all columns of a row, and most stay what they were."""
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    # PostgreSQL cannot compare JSON.
    names = (n + "::text" if n == "tags" and dialect != "sqlite" else n for n in source.columns)
    terms = (f"OLD.{name} {differs} NEW.{name}" for name in names)
    return f"WHEN ({' OR '.join(terms)}) "


_MARK = "UPDATE case_numbers SET called = TRUE WHERE called IS NOT TRUE AND case_id IN"
_PERSON = (
    "SELECT NEW.case_id UNION SELECT other.id FROM cases mine"
    " JOIN cases other ON other.id_key = mine.id_key WHERE mine.id = NEW.case_id"
)
_NUMBER = "SELECT n.case_id FROM case_numbers n WHERE n.number_key = {}"
# Table, which of its rows, and the cases that are met by one.
_MET = (
    ("attempts", "", f"{_PERSON} UNION {_NUMBER.format('NEW.number_key')}"),
    ("interactions", "", _PERSON),
    # As `suppression.number_unit` names it.
    (
        "unit_events",
        f"WHEN (substr(NEW.unit_key, 1, {len('number:')}) = 'number:') ",
        _NUMBER.format(f"substr(NEW.unit_key, {len('number:') + 1})"),
    ),
)


def _called(dialect: str) -> Iterator[str]:
    for table, when, who in _MET:
        head = (
            f"CREATE TRIGGER law_cards_{table}_insert AFTER INSERT ON {table} FOR EACH ROW {when}"
        )
        mark = f"{_MARK} ({who});"
        if dialect == "postgresql":
            yield (
                f"CREATE FUNCTION note_called_{table}() RETURNS trigger LANGUAGE plpgsql AS $$"
                f" BEGIN {mark} RETURN NULL; END $$"
            )
            yield f"{head}EXECUTE FUNCTION note_called_{table}()"
        else:
            yield f"{head}BEGIN {mark} END"


def _functions() -> Iterator[str]:
    """The second statement sees what was written by whoever held the lock before."""
    yield f"""CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE mine bigint;
BEGIN
    IF TG_ARGV[0] = 'id' THEN
        mine := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        mine := OLD.case_id;
    ELSE
        mine := NEW.case_id;
    END IF;
    PERFORM 1 FROM cases WHERE id = mine FOR NO KEY UPDATE;
    UPDATE case_numbers {_CLEAR} WHERE case_id = mine AND card_of IS NOT NULL;
    RETURN NULL;
END $$"""


def attach(metadata: MetaData) -> None:
    """Tables that are made without a migration get the triggers too."""
    for dialect in ("sqlite", "postgresql"):
        for statement in statements(dialect):
            made = DDL(statement).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
            event.listen(metadata, "after_create", made)
