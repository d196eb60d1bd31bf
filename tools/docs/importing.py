"""`docs/reference/import.md`: which column of a file is taken for what."""

from __future__ import annotations

from dialer_engine.store.csv_cases import ALIASES
from tools.docs.markdown import code, page, table

SOURCE = "dialer_engine/store/csv_cases.py"
FIELDS = {
    "reference": "the creditor's own key, unique; required",
    "name": "the debtor's name",
    "balance": "`1234.5`, `1,234.50`, `￥1,234.50元`; at most four decimals",
    "currency": "three letters (ISO 4217); else `--currency`",
    "days_past_due": "whole number, negative before the due date",
    "language": "free text",
    "priority": "whole number; higher is dialled first",
    "skill": "agents who have it are preferred for this case",
    "zone": "IANA name such as `Asia/Shanghai`; for all numbers of the row",
    "numbers": "several numbers in one cell, separated by `;` `,` `/` `、` or `|`",
    "mobile": "a number; the others likewise; at least one is required",
    "phone": "a number",
    "home": "a number",
    "work": "a number",
    "id_number": "closed in the store, found by a blind index; no attribute",
    "born_on": "`2026-01-31`, `2026/1/31`, `20260131`, `2026年1月31日`; the year first",
    "principal": "an amount; with the other three parts it takes the place of `balance`",
    "interest": "an amount",
    "penalty": "an amount",
    "fees": "an amount",
    "oldest_due": "a date; days past due count from it, and it wins over `days_past_due`",
    "creditor": "code of the creditor",
    "product": "code of the product; its rules when the store has them, else the usual ones",
    "debt_type": "code or label, such as `credit_card`, `信用卡`; others are left an attribute",
    "jurisdiction": "ISO 3166, `CN`",
    "region": "free text",
    "occupation": "code or label, such as `farmer`, `农民`; others are left an attribute",
    "income_band": "code or label; others are left an attribute",
    "reason": "code or label, such as `hardship`, `财务困难`; others are left an attribute",
    "ability": "`able`, `unable` or label; others are left an attribute",
    "willingness": "`willing`, `unwilling` or label; others are left an attribute",
    "behaviour": "code or label; others are left an attribute",
    "score": "a number, higher is likelier to pay",
    "team": "free text",
    "owner": "the collector's id",
    "agency": "free text",
    "recall_on": "a date",
    "tags": "several in one cell, separated by `;` `,` `、` or `|`",
    "contact": "a number",
}
_HEAD = """\
# Columns of an import

A column is found by its name. Case, spaces, dots, dashes, underscores and brackets do not matter; a number column may
end in a digit (`phone2`, `手机2`). `--map FIELD=COLUMN` or a `--map-file` wins over the name. What means nothing to the
dialer goes along as an attribute of the case and is shown to the agent. Numbers are tried in the order of the columns.

导入列名对照。可用 `--map 字段=列名` 指定。
""".splitlines()


def importing() -> str:
    """The page."""
    rows = [
        (code(name), ", ".join(code(alias) for alias in aliases), FIELDS[name])
        for name, aliases in ALIASES.items()
    ]
    return page(SOURCE, [*_HEAD, "", *table(("field", "names of columns", "value"), rows)])
