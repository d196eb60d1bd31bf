"""Collections: who owes what to whom, since when, who may be asked for it, and what was promised.

Rules: pure like the rest of the domain (no clock: `today` and `now` are arguments); money is
Decimal and is rounded only where a rule says how; no number here is one country's law: what a
country or a creditor lays down comes in as a rule, a product or limits.

Start at `facts.py`: `CaseFacts` is what strategy conditions and compliance read, `casefile.py` is
what it is built from.
"""
