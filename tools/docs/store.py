"""`docs/reference/store.md`: the tables, from the schema; what they are for, from here."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Index, Table

from dialer_engine.store.schema import HEAD, metadata
from tools.docs.markdown import code, page, table

SOURCE = "dialer_engine/store/schema.py (the notes are in tools/docs/store.py)"
TABLES = {
    "campaigns": "Settings and state of each campaign.",
    "leases": "Which daemon runs a campaign, and until when. A new holder makes a new `token`, and an attempt is"
    " committed only under the present one.",
    "cases": "One debt of one debtor, as imported. Personal data.",
    "case_numbers": "The numbers of a case in the order in which they are tried. Personal data.",
    "campaign_cases": "Where a case stands in a campaign.",
    "attempts": "One row a dialled call: committed before it is dialled, ended once. Knows the number by blind index.",
    "attempt_plans": "By which segment and step of which strategy an attempt was planned; none for a retry table.",
    "denial_counts": "How often a case that was due was not dialled, by hour and reason.",
    "data_keys": "Keys that close personal fields, closed themselves by the master key (`dialer-engine keys`).",
    "key_progress": "How far `keys rotate` has come.",
    "creditors": "To whom debts are owed.",
    "products": "What was lent or sold, and its rules.",
    "case_facts": "One row a case: what strategies and compliance ask for.",
    "contracts": "Loans, cards, accounts of a case.",
    "contract_aliases": "Account numbers and the like by which payers name a contract, as blind indexes.",
    "payments": "Postings of the bank, each once, matched or not.",
    "charges": "Fees and penalty interest that were charged.",
    "promises": "Promises to pay.",
    "holds": "Why, from when and until when a case is left alone.",
    "related_parties": "Other people of a case. Personal data, closed.",
    "contact_points": "All numbers and addresses with their history. Personal data, closed.",
    "complaints": "Complaints.",
    "interactions": "What happened on channels other than our own calls.",
    "case_events": "The record of a case: payments, holds, promises, decisions. The daemon reads it twice a second.",
    "number_memory": "What outcomes taught about a number, whatever case it is of; written with the outcome.",
    "number_verdicts": "Numbers that a case is not called on any more, why and since when (`cases numbers`).",
    "daily_runs": "The work of each day (`cases daily`): who does it, how far it is, what it did.",
    "number_days": "Attempts for each number and local day, over all campaigns: what the daily cap counts.",
    "unit_events": "Contacts on the account of each unit (number, person, debt …): what caps are held against.",
    "law_versions": "How often the lists changed; a daemon looks at it twice a second.",
    "suppressions": "Who is not to be called, by which list. A removal keeps the row.",
    "rule_overrides": "Who lifted which rule for a case, why and until when.",
    "legal_holds": "What retention leaves alone.",
    "evidence": "Each decision, outcome and recording, chained by SHA-256; no numbers and names.",
    "evidence_heads": "Where the chain of evidence ends.",
    "agents": "Agents. The PIN only as an argon2id hash.",
    "presences": "The last word of each agent on their presence, for the time after a restart.",
    "agent_events": "The agents' days, one row a change: what utilization is counted from.",
    "recordings": "What was found of each recording.",
    "dispositions": "What agents said became of a talk; every word is kept, the newest of an attempt counts.",
    "alarms": "What a person has to look at.",
    "pacing_decisions": "What pacing decided: decisions that did something, or gave another reason than the one"
    " before; those of one second with one reason are one row. Kept for three days.",
    "pacing_memory": "What the predictive policy of a campaign has learned; saved each minute.",
    "campaign_changes": "Who changed which setting of a campaign.",
}
NOTES = {
    "attempt_plans.version": "Half of the SHA-256 of the strategy's file, in hexadecimal.",
    "attempt_plans.arms": "Experiment to arm.",
    "denial_counts.code": "Id of a rule of compliance, `strategy_…`, or what the transaction said.",
    "campaigns.state": "`started`, `paused` or `stopped`",
    "campaigns.target": "share of live answers of a period that may be abandoned",
    "campaigns.period": "`day`, `week` or `month`, by the calendar of the site",
    "campaigns.preview_dials": "what an agent looked at for too long is dialled, else skipped",
    "campaigns.robot_message": "sounds joined by `&`; empty: the PBX's own",
    "pacing_decisions.policy": "the mode",
    "pacing_decisions.originate": "calls (in mode preview: cases to be shown) that were wanted",
    "pacing_decisions.started": "those that found a case and a permit",
    "pacing_decisions.cancelled": "ringing calls that were to be stopped",
    "pacing_memory.memory": "as `dialer-engine pacing export` writes it",
    "campaign_changes.who": "as the client said it: a note, no proof",
    "campaigns.strategy": "name of a retry table",
    "leases.holder": "`<host>:<daemon.state_dir>`",
    "cases.reference": "the creditor's own key; an import goes by it",
    "cases.balance": "ten-thousandths as a whole number, exact",
    "cases.personal": "closed: name, ID number, date of birth, attributes",
    "cases.id_key": "blind index of the ID number",
    "case_numbers.number": "closed",
    "case_numbers.number_key": "blind index of the number",
    "attempts.number_key": "blind index of the number",
    "attempts.number_shown": "masked",
    "number_days.number_key": "blind index of the number",
    "case_facts.oldest_due": "days past due count from this date; null: nothing is owed, or nobody knows",
    "case_facts.contact_on": "last conversation on channels other than our calls",
    "payments.fault": "why it matched no contract",
    "payments.reverses": "reference of the payment that this takes back",
    "holds.until": "null: until somebody ends it",
    "contact_points.party_id": "null: the debtor's own",
    "cases.fingerprint": "of all that an import brings; equal means unchanged",
    "case_numbers.rank": "0 is tried first",
    "case_numbers.zone": "IANA name; null: unknown, `compliance.default_zone` or no dialling",
    "campaign_cases.due_at": "null: done, `reason` says why",
    "campaign_cases.tries": "attempts so far in this campaign",
    "campaign_cases.number_rank": "which number is next",
    "campaign_cases.reason": "the last outcome, or what the gate objected to",
    "attempts.id": "`a-` and a ULID; also the channel's id and the recording's name",
    "attempts.permit": "the compliance decision: hash of the rules, zone, local time, the count it saw",
    "attempts.local_day": "the date at the debtor on which the attempt counts",
    "attempts.outcome": "null: open; written once",
    "attempts.cause": "Q.850",
    "attempts.sip": "final SIP status, when the PBX told",
    "attempts.verdict": "of the machine detection",
    "attempts.answered_s": "answer to end",
    "attempts.answer_to_bridge_s": "answer (or the detector's verdict) to both hearing each other",
    "attempts.waited_s": "what an answered debtor waited for an agent, bridged or not",
    "attempts.recovered": "settled or taken over after a restart",
    "attempts.recording_due": "answered, over, and not matched with a file yet",
    "agents.phone": "goes into `agents.dial`",
    "agent_events.kind": "login, logout, break, ready, talk, wrap_up, idle, reserved, off",
    "recordings.status": "verified, missing, mismatched, silent",
    "recordings.path": "relative to the recording folder",
    "dispositions.via": "dtmf or api",
    "alarms.kind": "disk or recording",
}


def store() -> str:
    """The page."""
    lines = [
        "# Store",
        "",
        f"Schema {HEAD}, the same on SQLite and PostgreSQL. `dialer-engine db upgrade` brings a database to it,"
        " `dialer-engine db check` compares. Read it as you like; only the daemon, `import` and `db upgrade` write."
        " Times are UTC. Durations end in `_s` and are seconds. There are no foreign keys: the daemon is the only"
        " writer, and each would cost a read a row.",
    ]
    for one in metadata.sorted_tables:
        lines += ["", *_table(one)]
    return page(SOURCE, lines)


def _table(one: Table) -> Iterator[str]:
    yield f"## `{one.name}`"
    yield ""
    yield TABLES[one.name]
    yield ""
    rows = [
        (code(c.name), _type(c), "yes" if c.nullable else "", NOTES.get(f"{one.name}.{c.name}", ""))
        for c in one.columns
    ]
    yield from table(("column", "type", "null", "note"), rows)
    yield ""
    yield f"Primary key: {', '.join(code(c.name) for c in one.primary_key.columns)}."
    unique = [code(c.name) for c in one.columns if c.unique]
    if unique:
        yield f"Unique: {', '.join(unique)}."
    for index in sorted(one.indexes, key=lambda i: str(i.name)):
        yield _index(index)


def _type(column: Column[object]) -> str:
    name = type(column.type).__name__
    return {"UtcTime": "time", "Amount": "amount", "_Serial": "integer"}.get(name, name.lower())


def _index(index: Index) -> str:
    assert index.table is not None
    prefix = f"{index.table.name}."
    columns = ", ".join(str(e).removeprefix(prefix) for e in index.expressions)
    where = index.dialect_options["sqlite"].get("where")
    only = "" if where is None else f", only where {str(where).removeprefix(prefix)}"
    kind = "Unique index" if index.unique else "Index"
    return f"{kind} `{index.name}` on {columns}{only}."
