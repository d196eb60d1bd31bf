"""What the commands about products do: check a file, import it, list and show what the store has.

Rules: a file is imported whole or not at all; a product of the store that the file does not name stays as it
is; every function blocks and is called from no loop; what goes wrong is a DialerError.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml

from dialer_engine.app.config import Config
from dialer_engine.app.stored import in_store
from dialer_engine.app.yaml_marks import place_of, read_yaml
from dialer_engine.domain.collections.product import Creditor, Product
from dialer_engine.domain.errors import BadValue, NotFound
from dialer_engine.store.products import Products, load_creditors, load_products
from dialer_engine.store.sql import SqlStore
from dialer_engine.strategy.conditions import nearest
from dialer_engine.strategy.nodes import Problem, errors
from dialer_engine.strategy.product_format import products_schema
from dialer_engine.strategy.products import ProductFile, as_file, read_products

Json = dict[str, Any]
T = TypeVar("T")
# Products of any creditor.
ANY = "*"


def check(file: Path) -> Json:
    """{ok, file, creditor, products [code], problems [{file, line, column, level, text}]}; NotFound."""
    made, problems = _read(file)
    rows = [
        {
            "file": file.name,
            "line": one.line,
            "column": one.column,
            "level": "warning" if one.is_warning else "error",
            "text": one.text,
        }
        for one in problems
    ]
    return {
        "ok": made is not None,
        "file": str(file),
        "creditor": made.creditor.code if made and made.creditor else "",
        "products": [one.code for one in made.products] if made else [],
        "problems": rows,
    }


def _read(file: Path) -> tuple[ProductFile | None, list[Problem]]:
    try:
        return read_products(read_yaml(file))
    except OSError as error:
        raise NotFound(f"{file}: {error.strerror}") from error
    except ValueError as error:
        return None, [place_of(error)]


def import_(config: Config, file: Path) -> Json:
    """{creditor, new, changed, same}: codes of products. BadValue with every error of the file."""
    made, problems = _read(file)
    if made is None:
        told = "\n".join(f"{file}: {one}" for one in errors(problems))
        raise BadValue(told)

    async def work(store: SqlStore) -> Json:
        before = {(one.creditor, one.code): one for one in await _known(store)}
        found: Json = {"creditor": made.creditor.code if made.creditor else ANY}
        found |= {"new": [], "changed": [], "same": []}
        for one in made.products:
            old = before.get((one.creditor, one.code))
            found["new" if old is None else "same" if old == one else "changed"].append(one.code)
        await store.save_products(made.creditor, made.products)
        return found

    return in_store(config, work)


async def _known(store: SqlStore) -> Products:
    return await store.database.read(load_products)


def listing(config: Config) -> list[Json]:
    """[{creditor, product, debt_type, daily_rate, fees, cost_cap, promise_grace_days, roles}]."""

    async def work(store: SqlStore) -> list[Json]:
        return [_row(one) for one in await _known(store)]

    return in_store(config, work)


def _row(one: Product) -> Json:
    return {
        "creditor": one.creditor or ANY,
        "product": one.code,
        "debt_type": one.debt_type.value,
        "daily_rate": f"{one.penalty.daily_rate:f}" if one.penalty else None,
        "fees": len(one.fees),
        "cost_cap": one.cap is not None,
        "promise_grace_days": one.promise_grace_days,
        "roles": [limits.role for limits in one.limits],
    }


def show(config: Config, name: str) -> Json:
    """The product as the data of a product file that would import it. name: its code, or CREDITOR/CODE
    where two creditors have one of that code; NotFound, BadValue.
    """

    async def work(store: SqlStore) -> Json:
        known = {_name(one): one for one in await _known(store)}
        found = [one for path, one in known.items() if name in (path, one.code)]
        if not found:
            close = nearest(name, [*known, *(one.code for one in known.values())])
            raise NotFound(f"no product is called {name}{close}")
        if len(found) > 1:
            raise BadValue(f"say which: {', '.join(map(_name, found))}")
        (one,) = found
        creditors = await store.database.read(load_creditors)
        owner = creditors.get(one.creditor) or (Creditor(one.creditor) if one.creditor else None)
        return as_file(owner, [one])

    return in_store(config, work)


def _name(one: Product) -> str:
    return f"{one.creditor or ANY}/{one.code}"


def as_yaml(data: Json) -> str:
    """The data as a product file."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def schema() -> Json:
    """JSON Schema of product files, for editors."""
    return products_schema()
