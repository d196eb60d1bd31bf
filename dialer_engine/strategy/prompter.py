"""The script on the agent's screen: every scene that a call may come to, filled in for this case.

Rules: pure; nothing that is missing stops a call: it is shown as missing and named; sentences that must be
said are marked; who takes the call is known only at the answer, so their name is put in then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from dialer_engine.domain.attempt import Plan
from dialer_engine.domain.collections.facts import CaseFacts
from dialer_engine.domain.errors import BadValue
from dialer_engine.domain.units import Money
from dialer_engine.strategy.scripts import Library, Place, Scene
from dialer_engine.strategy.speech import Speech, script_for
from dialer_engine.strategy.variables import VARIABLES

Json = dict[str, Any]
# In the order of a call. Voicemail is for machines; messages and letters are no talk.
SCENES = (
    Scene.OPENING, Scene.MAIN, Scene.BROKEN_PROMISE, Scene.HARDSHIP, Scene.NO_TIME, Scene.REFUSAL,
    Scene.DISPUTE, Scene.PROMISE, Scene.CLOSING, Scene.THIRD_PARTY, Scene.STOP_REQUEST,
)  # fmt: skip
# Stands for the agent until one has the call. A private-use character: no text that people write has it.
_AGENT = "\ue000"


def prompt(
    library: Library,
    plan: Plan,
    today: date,
    *,
    name: str = "",
    language: str = "",
    words: Mapping[str, str] | None = None,
) -> list[Json]:
    """[{scene, script, language, strength, sentences [{text, required}], missing}]: what is read in each
    scene. today: at the debtor. name: the debtor's. language: of the case, empty for that of the facts.
    words: of the house. Empty when no step of a script was planned.
    """
    if not plan.script and not plan.step:
        return []
    given = values(plan.facts, today, name=name, words=words or {})
    found = []
    for scene in SCENES:
        if scene is Scene.BROKEN_PROMISE and not plan.facts.promises_broken:
            continue
        speech = script_for(
            library, plan.facts, scene, plan.strength, given, script=plan.script,
            language=spoken(language),
        )  # fmt: skip
        if speech is not None:
            found.append(_row(library, speech))
    return found


def spoken(language: str) -> str:
    """Of the case; a language that scripts have not is left to them."""
    short = language[:2].lower()
    return short if short in ("zh", "en") else ""


def _row(library: Library, speech: Speech) -> Json:
    musts = [must for must in library.disclosures if must.id in speech.required]
    first = sum(must.place is Place.FIRST for must in musts)
    last = len(speech.sentences) - sum(must.place is Place.LAST for must in musts)
    return {
        "scene": speech.scene.value,
        "script": speech.script,
        "language": speech.language,
        "strength": speech.strength,
        "sentences": [
            {"text": text, "required": place < first or place >= last}
            for place, text in enumerate(speech.sentences)
        ],
        "missing": list(speech.missing),
    }


def said_by(script: Sequence[Json], agent: str) -> list[Json]:
    """The same, with the name of who has the call."""
    return [
        row
        | {"sentences": [s | {"text": s["text"].replace(_AGENT, agent)} for s in row["sentences"]]}
        for row in script
    ]


def values(
    facts: CaseFacts, today: date, *, name: str = "", words: Mapping[str, str]
) -> dict[str, Any]:
    """What is known of `variables.VARIABLES`; what is not is left out. An attribute of the case with a
    variable's name wins over the house's word.
    """
    attributes = {k: v for k, v in facts.attributes.items() if _is_text(k) and v}
    due = today - timedelta(days=facts.dpd)
    known: dict[str, Any] = {
        "institution": facts.agency or facts.creditor,
        "creditor": facts.creditor,
        "product": facts.product,
        "debtor_name": name,
        "due_date": due,
        "days_past_due": facts.dpd if facts.dpd > 0 else None,
        "days_to_due": -facts.dpd if facts.dpd < 0 else None,
        "amount": _money(facts, "balance"),
        **{part: _money(facts, part) for part in ("principal", "interest", "penalty", "fees")},
    }
    if facts.promise_due_in_days is not None:
        known["promise_date"] = today + timedelta(days=facts.promise_due_in_days)
    known |= {k: v for k, v in words.items() if v} | attributes | {"agent_name": _AGENT}
    return {k: v for k, v in known.items() if v is not None and v != ""}


def _is_text(name: str) -> bool:
    return name in VARIABLES and VARIABLES[name].kind == "text" and name != "agent_name"


def _money(facts: CaseFacts, part: str) -> Money | None:
    try:
        return Money(getattr(facts, part), facts.currency)
    except BadValue:
        return None
