"""What the collector reads at the answer: the script of the case with its names filled in.

Rules: pure; a value that is missing is shown as missing and named, never left out; a language that
there is not becomes the first of the library's; the order is disclosure, words, disclosure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.strategy.conditions import fact_map
from dialer_engine.strategy.model import Channel
from dialer_engine.strategy.scripts import (
    COMMON,
    LANGUAGES,
    Disclosure,
    Library,
    Place,
    Scene,
    Script,
    Wording,
)
from dialer_engine.strategy.tree import Facts
from dialer_engine.strategy.variables import fill


@dataclass(frozen=True, slots=True)
class Speech:
    """One scene, ready to be read. sentences: in order; required: ids of the disclosures in it;
    missing: variables without a value; strength: of the words that were found, never more than
    asked for.
    """

    script: str
    scene: Scene
    language: str
    strength: int
    sentences: tuple[str, ...]
    required: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it, a line for each sentence or paragraph."""
        return "\n".join(self.sentences)


def script_for(
    library: Library,
    facts: CaseFacts,
    scene: Scene,
    strength: int,
    values: Mapping[str, Any],
    *,
    script: str = "",
    language: str = "",
    channel: Channel = Channel.CALL,
) -> Speech | None:
    """What to say in a scene; None when neither the script nor `common` has that scene.

    values: of `variables.VARIABLES`, Money for amounts, date for dates. script: as the step names
    it, empty to choose by stage and condition. language: zh or en, empty for the debtor's.
    """
    spoken = language or facts.language[:2].lower()
    spoken = spoken if spoken in LANGUAGES else LANGUAGES[0]
    chosen = _chosen(library, fact_map(facts), script)
    wording = _wording((*chosen, *filter(None, [library.scripts.get(COMMON)])), scene, strength)
    if wording is None:
        return None
    owner, words = wording
    musts = list(due(library.disclosures, facts, scene, channel))
    parts = [m.texts[spoken] for m in musts if m.place is Place.FIRST]
    parts.append(words.texts[spoken])
    parts += [m.texts[spoken] for m in musts if m.place is Place.LAST]
    filled = [fill(part.strip(), values, spoken) for part in parts]
    missing = sorted({name for _, names in filled for name in names})
    return Speech(
        owner.id, scene, spoken, words.strength, tuple(text for text, _ in filled),
        tuple(must.id for must in musts), tuple(missing),
    )  # fmt: skip


def due(
    disclosures: Iterable[Disclosure], facts: CaseFacts, scene: Scene, channel: Channel
) -> Iterator[Disclosure]:
    """The sentences that have to be said to this person in this scene on this channel. A case
    without a jurisdiction gets those of every one: too much is better than too little.
    """
    country = facts.jurisdiction[:2].upper()
    for must in disclosures:
        if scene not in must.scenes or (must.channels and channel not in must.channels):
            continue
        if must.parties and facts.party_type not in must.parties:
            continue
        if not must.jurisdictions or not country or country in must.jurisdictions:
            yield must


def _chosen(library: Library, facts: Facts, named: str) -> tuple[Script, ...]:
    if named in library.scripts:
        return (library.scripts[named],)
    found = (
        script
        for script in library.scripts.values()
        if script.id != COMMON
        and (not script.stages or facts["stage"] in script.stages)
        and script.when.holds(facts)
    )
    return tuple(script for script in [next(found, None)] if script is not None)


def _wording(
    scripts: Iterable[Script], scene: Scene, strength: int
) -> tuple[Script, Wording] | None:
    for script in scripts:
        # They are sorted: the strongest that is no stronger than asked.
        allowed = [row for row in script.scenes.get(scene, ()) if row.strength <= strength]
        if allowed:
            return script, allowed[-1]
    return None
