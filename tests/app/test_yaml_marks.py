"""YAML with places."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.app.yaml_marks import MAX_BYTES, parse_yaml, read_yaml
from dialer_engine.domain.errors import BadValue
from dialer_engine.strategy.nodes import Pairs, plain, problem_in

TEXT = """\
a: 1
list:
  - when: dpd > 1 and dpdd > 2
  - when: |
      dpd > 1
      and dpdd > 2
  - when: "dpd > 1 and
      dpdd > 2"
"""


def test_values_know_where_they_stand() -> None:
    root = parse_yaml(TEXT)
    assert plain(root)["a"] == 1
    assert isinstance(root.value, Pairs)
    (_, one), (key, rows) = root.value
    assert (one.line, one.column) == (1, 4)
    assert (key.line, key.column) == (2, 1)
    assert [row.line for row in rows.value] == [3, 4, 7]


@pytest.mark.parametrize(("row", "line", "column"), [(0, 3, 23), (1, 6, 11), (2, 8, 7)])
def test_a_word_is_found_again_in_every_way_of_writing_it(row: int, line: int, column: int) -> None:
    when = parse_yaml(TEXT).value[1][1].value[row].value[0][1]
    found = problem_in(when, when.value.index("dpdd"), "unknown")
    assert (found.line, found.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "line 1"),
        ("a: 1\n b: 2", "line 2"),
        ("a: *nobody", "line 1, column 4"),
        ("a: &x [*x]", "an alias that holds itself"),
        ("--- a\n--- b", "line 2"),
        ("a: !!python/object:os.system 1", "no value"),
        ("a: !!int nonsense", "no value"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_at_its_place(text: str, words: str) -> None:
    with pytest.raises(BadValue, match=words.replace("(", r"\(")):
        parse_yaml(text)


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(BadValue, match="too many values"):
        parse_yaml("\n".join(rows))


def test_a_file_has_a_size(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("#" * (MAX_BYTES + 1), encoding="utf-8")
    with pytest.raises(BadValue, match="larger"):
        read_yaml(tmp_path / "a.yaml")


def test_dates_stay_texts() -> None:
    assert plain(parse_yaml("a: 2026-11-22")) == {"a": "2026-11-22"}


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#\n 1", max_size=60))
def test_no_text_harms(text: str) -> None:
    with contextlib.suppress(BadValue):
        parse_yaml(text)
