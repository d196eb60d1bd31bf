"""Rules of conduct for what is written into scripts: no threat, no untruth, no insult, no debt told
to strangers; stronger words are plainer words, not worse ones.

Rules: a word list can only point at words, so what it finds are warnings with their place; what is
lawful only where it is true (a court, a credit register, limiting a service) has to be declared by
the script as a claim; a sentence that says what will NOT be done is found too, and has to be put in
other words, since a person who is afraid hears the threat in it.

Sources: Civil Code of China art. 1032-1034 and Criminal Law art. 293-1 (threats, harassment,
violence in collecting); GB/T 45251-2025 (press, secondary: identify the institution first, verify
identity before the debt is told); FDCPA 15 USC 1692d-1692f (harassment, false or misleading
statements, unfair practices); FCA CONC 7.3, 7.11 (no pressure, no misleading, no false authority).
The word lists are this project's own: `conduct_words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dialer_engine.strategy.conduct_words import RULES
from dialer_engine.strategy.nodes import Node, Problem, problem_in
from dialer_engine.strategy.scripts import UNVERIFIED, Claim, Library, Script


@dataclass(frozen=True, slots=True)
class Remark:
    """What one rule found in a text, and at which character."""

    offset: int
    kind: str
    word: str
    why: str


def review(
    text: str, language: str, claims: Iterable[Claim] = (), *, unverified: bool = False
) -> Iterator[Remark]:
    """Every word of a text that the rules of conduct point at. Variables are no words."""
    declared = frozenset(claims)
    plain = re.sub(r"\$\{?\w+\}?", lambda found: " " * len(found[0]), text)
    for rule in RULES:
        if rule.language != language or (rule.claim in declared and rule.claim is not None):
            continue
        if rule.unverified and not unverified:
            continue
        for found in rule.pattern.finditer(plain):
            yield Remark(found.start(), rule.kind, found[0], rule.why)


def makes(claim: Claim, text: str, language: str) -> bool:
    """Whether a text states what is lawful only where it is true."""
    rules = (rule for rule in RULES if rule.claim is claim and rule.language == language)
    return any(rule.pattern.search(text) for rule in rules)


def review_library(library: Library) -> Iterator[tuple[str, Problem]]:
    """What is to be said of every text of a library: (file, warning)."""
    for script in library.scripts.values():
        yield from ((script.file, found) for found in review_script(script))
    for must in library.disclosures:
        unverified = bool(must.scenes & UNVERIFIED)
        for language, text in must.texts.items():
            for remark in review(text, language, unverified=unverified):
                yield must.file, _warning(must.nodes, language, remark)


def review_script(script: Script) -> Iterator[Problem]:
    """What is to be said of the texts of one script."""
    for scene, wordings in script.scenes.items():
        for wording in wordings:
            for language, text in wording.texts.items():
                for remark in review(text, language, script.claims, unverified=scene in UNVERIFIED):
                    yield _warning(wording.nodes, language, remark)


def _warning(nodes: Mapping[str, Node], language: str, remark: Remark) -> Problem:
    node = nodes[language]
    told = f"conduct, {remark.kind}: {remark.word!r}: {remark.why}"
    return problem_in(node, remark.offset, told, is_warning=True)
