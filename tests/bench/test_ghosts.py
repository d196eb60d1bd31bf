"""A ghost is a call that one side has and another has not, twice in a row."""

from __future__ import annotations

from tools.soak.look import Ghosts, Looked

PBX = "on the PBX, unknown to the engine"
ENGINE = "known to the engine, not on the PBX"
STORE = "open in the store, unknown to the engine"


def _looked(pbx: set[str], registry: set[str], store: set[str]) -> Looked:
    return Looked({}, frozenset(pbx), frozenset(registry), frozenset(store))


def test_a_call_seen_by_all_is_none() -> None:
    ghosts = Ghosts()
    for _ in range(3):
        assert not any(ghosts.judge(_looked({"a-1"}, {"a-1"}, {"a-1"})).values())


def test_what_changes_between_two_looks_is_none() -> None:
    ghosts = Ghosts()
    assert not any(ghosts.judge(_looked({"a-1"}, set(), {"a-1"})).values())
    assert not any(ghosts.judge(_looked({"a-2"}, {"a-3"}, {"a-3"})).values())
    assert not any(ghosts.seen.values())


def test_each_kind_is_found_and_remembered() -> None:
    ghosts = Ghosts()
    for _ in range(2):
        found = ghosts.judge(_looked({"a-1"}, {"a-2"}, {"a-2", "a-3"}))
    assert found == {PBX: 1, ENGINE: 1, STORE: 1}
    ghosts.judge(_looked(set(), set(), set()))
    assert ghosts.seen == {PBX: {"a-1"}, ENGINE: {"a-2"}, STORE: {"a-3"}}
