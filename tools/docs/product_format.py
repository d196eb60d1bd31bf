"""`docs/reference/product-format.md`: product files, key by key, from the description that reads them."""

from __future__ import annotations

from dialer_engine.strategy.product_format import PRODUCTS
from tools.docs.markdown import page
from tools.docs.strategy_format import structs

SOURCE = "dialer_engine/strategy/product_format.py"


def product_format() -> str:
    """The page."""
    return page(
        SOURCE,
        [
            "# Product files",
            "",
            "Format 1. `dialer-engine products check FILE` checks a file, `products schema` gives the JSON Schema for"
            " editors. A sample with all keys: `strategies/products/acorn.yaml`. How to:"
            " [howto/products](../howto/products.md).",
            "",
            "Amounts and rates may stand in quotes or not; they are taken digit by digit. What is left out is the usual"
            " rule: nothing is charged, nobody may reduce anything.",
            *structs(PRODUCTS, "the file"),
        ],
    )
