"""The tables.

Rules: what is written for each attempt is narrow and has few indexes; a row that is looked for
among millions has an index that holds only rows of its kind (open cases, open attempts, recordings
to check), so that the index stays as small as the work; no foreign keys from hot tables (the
engine is their only writer, and each costs a read a row); no text has a length limit (PostgreSQL
would refuse what SQLite takes, and gain nothing). Names are plural, because `case` is a word of
SQL. Every change here needs a revision in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from dialer_engine.store import schema_cards
from dialer_engine.store._types import Amount, Key, UtcTime

# The revision that this code reads and writes: the newest of migrations/versions.
HEAD = "0008"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
# SQLite numbers rows by itself only in an INTEGER primary key.
Serial = BigInteger().with_variant(Integer(), "sqlite")

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("mode", String, nullable=False),
    Column("ratio", Float, nullable=False),
    Column("ring_timeout_s", Float, nullable=False),
    Column("wait_limit_s", Float, nullable=False),
    Column("wrap_up_s", Float, nullable=False),
    Column("amd", Boolean, nullable=False),
    Column("skill", String, nullable=False),
    Column("strategy", String, nullable=False),
    Column("state", String, nullable=False),
    Column("target", Float, nullable=False),
    Column("max_ringing_per_agent", Float, nullable=False),
    Column("min_ring_s", Float, nullable=False),
    Column("period", String, nullable=False),
    Column("preview_timeout_s", Float, nullable=False),
    Column("preview_dials", Boolean, nullable=False),
    Column("robot_channels", Integer, nullable=False),
    Column("robot_cps", Float, nullable=False),
    Column("robot_message", String, nullable=False),
)

# token grows whenever another holder takes the lease: a daemon that slept through its own lease
# finds another number here and writes no attempt (fencing).
leases = Table(
    "leases",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("holder", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", UtcTime, nullable=False),
)

# fingerprint: of everything that an import brings, numbers included; equal means unchanged; it is a
# blind index, because it is a hash of names. personal: closed by the vault: name, id_number, born_on,
# attributes, what can be NULL is. id_key: blind index of the ID number.
cases = Table(
    "cases",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("reference", String, nullable=False, unique=True),
    Column("personal", LargeBinary),
    Column("id_key", Key),
    Column("balance", Amount),
    Column("currency", String),
    Column("days_past_due", Integer, nullable=False),
    Column("language", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("skill", String, nullable=False),
    Column("number_count", SmallInteger, nullable=False),
    Column("fingerprint", String, nullable=False),
)
_has_id = cases.c.id_key.is_not(None)
Index("ix_cases_id_key", cases.c.id_key, sqlite_where=_has_id, postgresql_where=_has_id)

# rank counts 0, 1, 2 … without gaps. number: closed; number_key: its blind index. card_of, person, card:
# what the law asks of this number, kept ready for the draw (`law_cards.py`), NULL when it has to be found
# out anew; card_of: how many numbers the case has; person: the counter of whose number it is. called: false
# when neither this number nor this person was ever contacted, NULL when that is not known.
case_numbers = Table(
    "case_numbers",
    metadata,
    Column("case_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rank", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", LargeBinary, nullable=False),
    Column("number_key", Key, nullable=False, index=True),
    Column("label", String, nullable=False),
    Column("zone", String),
    Column("card_of", SmallInteger),
    Column("person", Key),
    Column("card", Text),
    Column("called", Boolean),
    sqlite_with_rowid=False,
)

# due_at NULL: the case is done in this campaign, and reason says why.
campaign_cases = Table(
    "campaign_cases",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("case_id", BigInteger, primary_key=True, autoincrement=False),
    Column("priority", Integer, nullable=False),
    Column("due_at", UtcTime),
    Column("tries", SmallInteger, nullable=False),
    Column("number_rank", SmallInteger, nullable=False),
    Column("reason", String, nullable=False),
    sqlite_with_rowid=False,
)
_not_done = campaign_cases.c.due_at.is_not(None)
# The order in which a campaign dials, and nothing but what is still to be dialled.
Index(
    "ix_campaign_cases_due",
    campaign_cases.c.campaign_id,
    campaign_cases.c.priority.desc(),
    campaign_cases.c.due_at,
    campaign_cases.c.case_id,
    sqlite_where=_not_done,
    postgresql_where=_not_done,
)

# outcome NULL: open; it is written once. answered_s: answer to end. waited_s: what an answered
# debtor waited for an agent, bridged or not. recording_due: answered, over, and no row in
# `recordings` yet. number_key: blind index; number_shown: masked. The number itself is in
# case_numbers, or in contact_points when the case has it no more.
attempts = Table(
    "attempts",
    metadata,
    Column("id", String, primary_key=True),
    Column("campaign_id", Integer, nullable=False),
    Column("case_id", BigInteger, nullable=False),
    Column("number_key", Key, nullable=False),
    Column("number_shown", String, nullable=False),
    Column("node", String, nullable=False),
    Column("trunk", String, nullable=False),
    Column("try_no", SmallInteger, nullable=False),
    Column("planned_at", UtcTime, nullable=False),
    Column("local_day", String, nullable=False),
    Column("permit", JSON, nullable=False),
    Column("outcome", String),
    Column("detail", Text),
    Column("cause", SmallInteger),
    Column("sip", SmallInteger),
    Column("agent_id", String),
    Column("verdict", String),
    Column("originated_at", UtcTime),
    Column("ringing_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("bridged_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("answered_s", Float),
    Column("answer_to_bridge_s", Float),
    Column("waited_s", Float),
    Column("talk_s", Float),
    Column("recovered", Boolean, nullable=False),
    Column("recording_due", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
_open = attempts.c.outcome.is_(None)
# One call to a number, and one for a case, at any one time, whatever campaign or daemon it is of.
Index(
    "uq_attempts_open_number",
    attempts.c.number_key,
    unique=True,
    sqlite_where=_open,
    postgresql_where=_open,
)
Index(
    "uq_attempts_open_case",
    attempts.c.case_id,
    unique=True,
    sqlite_where=_open,
    postgresql_where=_open,
)
Index("ix_attempts_case_planned", attempts.c.case_id, attempts.c.planned_at)
Index("ix_attempts_campaign_planned", attempts.c.campaign_id, attempts.c.planned_at)
Index(
    "ix_attempts_recording_due",
    attempts.c.id,
    sqlite_where=text("recording_due"),
    postgresql_where=text("recording_due"),
)

# Attempts for each number and calendar day at the debtor: what the daily cap is held against.
number_days = Table(
    "number_days",
    metadata,
    Column("number_key", Key, primary_key=True),
    Column("local_day", Key, primary_key=True),
    Column("attempts", Integer, nullable=False),
    sqlite_with_rowid=False,
)

agents = Table(
    "agents",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", String, nullable=False),
    Column("pin_hash", Text, nullable=False),
    Column("skills", JSON, nullable=False),
    Column("mode", String, nullable=False),
    Column("node", String, nullable=False),
)

# The last word of each agent on their presence; agent_events is the history.
presences = Table(
    "presences",
    metadata,
    Column("agent_id", String, primary_key=True),
    Column("presence", String, nullable=False),
    Column("break_reason", String, nullable=False),
    Column("since", UtcTime, nullable=False),
)

agent_events = Table(
    "agent_events",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("agent_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("reason", String, nullable=False),
    Column("attempt_id", String),
)
Index("ix_agent_events_agent_at", agent_events.c.agent_id, agent_events.c.at)

recordings = Table(
    "recordings",
    metadata,
    Column("attempt_id", String, primary_key=True),
    Column("path", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("duration_s", Float),
    Column("talk_s", Float),
    Column("size_bytes", BigInteger),
    Column("sha256", String),
    Column("problems", JSON, nullable=False),
    Column("checked_at", UtcTime),
)

# Every word of the agent is kept; the newest of an attempt counts.
dispositions = Table(
    "dispositions",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("attempt_id", String, nullable=False, index=True),
    Column("agent_id", String, nullable=False),
    Column("code", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("via", String, nullable=False),
    Column("note", Text, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("attempt_id", String),
)

# What pacing decided: only decisions that did something, or whose reason is another one than before.
# Old rows are deleted by the engine; policy is the mode, or the name of a shadow.
pacing_decisions = Table(
    "pacing_decisions",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("campaign_id", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("node", String, nullable=False),
    Column("policy", String, nullable=False),
    Column("originate", Integer, nullable=False),
    Column("started", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("numbers", JSON, nullable=False),
)
Index("ix_pacing_decisions_campaign_at", pacing_decisions.c.campaign_id, pacing_decisions.c.at)

# What a policy of a campaign has learned, to begin with after a restart.
pacing_memory = Table(
    "pacing_memory",
    metadata,
    Column("campaign_id", Integer, primary_key=True, autoincrement=False),
    Column("policy", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("memory", JSON, nullable=False),
)

# Who changed which setting of a campaign, and what it was before.
campaign_changes = Table(
    "campaign_changes",
    metadata,
    Column("id", Serial, primary_key=True),
    Column("campaign_id", Integer, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("who", String, nullable=False),
    Column("setting", String, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
)
Index("ix_campaign_changes_campaign_at", campaign_changes.c.campaign_id, campaign_changes.c.at)

schema_cards.attach(metadata)
