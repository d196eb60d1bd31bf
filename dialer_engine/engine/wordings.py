"""What is to be said in a call, as hashes for the evidence, and the words behind them.

Rules: the words are those of the files, with the names of variables where the agent's screen has a debtor's
values, so that nothing personal is hashed or kept; every scene that a call may come to is in it, in each
language, with the sentences that have to be said; what a PBX plays by itself is known by the name of its
sound, and by the hash of a copy where the house keeps one; the words behind a hash go on record once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import structlog

from dialer_engine.compliance.ruleset import canonical
from dialer_engine.domain.attempt import Plan
from dialer_engine.domain.campaign import Campaign, DialMode
from dialer_engine.engine.settings import EngineSettings
from dialer_engine.strategy.prompter import SCENES
from dialer_engine.strategy.scripts import LANGUAGES
from dialer_engine.strategy.speech import script_for

log = structlog.get_logger(__name__)
# The PBX's own global DE_SAFE_HARBOUR: its words are not known here.
_PBX: Final = "pbx"
_MOST: Final = 1000
_Key = tuple[object, ...]


class Wordings:
    """fresh: words whose hash was given out and that are not on record yet, by their hash."""

    def __init__(self, settings: EngineSettings) -> None:
        self._library = settings.library
        self._sound = settings.safe_harbour or _PBX
        self._sound_hash = settings.safe_harbour_sha256
        self._known: dict[_Key, tuple[str, ...]] = {}
        self.fresh: dict[str, str] = {}

    def of(self, plan: Plan | None, campaign: Campaign) -> tuple[str, ...]:
        """`strategy:NAME:VERSION`, `script:NAME.STRENGTH:SHA256`, `disclosures:NAMES:SHA256`,
        `safe_harbour:SOUND:SHA256` or `message:SOUNDS`: what there is of it. Without a hash where the words
        are not known here.
        """
        played = self._played(campaign)
        if plan is None:
            return played
        try:
            script = self._script(plan)
        except Exception:
            # As on the agent's screen: a script that fails breaks no call; that it did is on record.
            log.exception("the words of a script could not be hashed", script=plan.script)
            script = (f"script:{plan.script}.{plan.strength}",)
        return (f"strategy:{plan.strategy}:{plan.version}", *script, *played)

    def _played(self, campaign: Campaign) -> tuple[str, ...]:
        if campaign.mode is DialMode.ROBOT:
            return (f"message:{campaign.robot_message or _PBX}",)
        told = f"safe_harbour:{self._sound}"
        return (f"{told}:{self._sound_hash}" if self._sound_hash else told,)

    def _script(self, plan: Plan) -> tuple[str, ...]:
        if not plan.script and not plan.step:
            return ()
        facts = plan.facts
        key: _Key = (
            plan.script, plan.strength, facts.jurisdiction, facts.party_type, facts.promises_broken > 0,
        )  # fmt: skip
        if plan.script not in self._library.scripts:
            # Chosen by the facts, each time anew.
            return self._made(plan)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[key] = self._made(plan)
        return found

    def _made(self, plan: Plan) -> tuple[str, ...]:
        facts, library = plan.facts, self._library
        words: list[Any] = []
        required: set[str] = set()
        for scene in SCENES:
            for language in LANGUAGES:
                said = script_for(
                    library, facts, scene, plan.strength, {}, script=plan.script, language=language
                )
                if said is not None:
                    words.append(
                        [scene.value, language, said.script, said.strength, list(said.sentences)]
                    )
                    required |= set(said.required)
        if not words:
            return ()
        named = f"{plan.script or words[0][2]}.{plan.strength}"
        musts = [[one.id, dict(one.texts)] for one in library.disclosures if one.id in required]
        found = [f"script:{named}:{self._hash(words)}"]
        if musts:
            names = "+".join(sorted(required))
            found.append(f"disclosures:{names}:{self._hash(musts)}")
        return tuple(found)

    def _hash(self, words: Any) -> str:
        text = canonical(words).decode("ascii")
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.fresh[digest] = text
        return digest

    def recorded(self, digests: Iterable[str]) -> None:
        """These are on record now."""
        for digest in digests:
            self.fresh.pop(digest, None)
