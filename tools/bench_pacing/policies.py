"""The policies by name: made anew for each day, so that nothing is carried over."""

from __future__ import annotations

from collections.abc import Callable

from dialer_engine.pacing.settings import PacingSettings
from dialer_engine.pacing.snapshot import Pacer
from dialer_engine.sim.floor.swift import swift
from dialer_engine.sim.rivals.issabel import Issabel
from dialer_engine.sim.rivals.omnidialer import OmniDialer
from dialer_engine.sim.rivals.ratio import OneToOne
from dialer_engine.sim.rivals.textbook import Textbook
from dialer_engine.sim.rivals.vicidial import Mode, Vicidial
from dialer_engine.sim.rivals.webitel import Webitel

CONTROLLER = "predictive"
ONE_TO_ONE = "one-to-one"
BEST_RATIO = "best-fixed-ratio"
CLAIRVOYANT = "clairvoyant"
OPTIMUM = "optimum"


POLICIES: dict[str, Callable[[PacingSettings], Pacer]] = {
    CONTROLLER: swift,
    ONE_TO_ONE: OneToOne,
    "vicidial-average": lambda settings: Vicidial(settings, Mode.AVERAGE),
    "vicidial-hard-limit": lambda settings: Vicidial(settings, Mode.HARD_LIMIT),
    "vicidial-tapered": lambda settings: Vicidial(settings, Mode.TAPERED),
    "issabel": Issabel,
    "webitel": Webitel,
    "omnidialer": OmniDialer,
    "textbook": Textbook,
}
# In the order of the tables.
ORDER = (
    CONTROLLER,
    ONE_TO_ONE,
    BEST_RATIO,
    "vicidial-average",
    "vicidial-hard-limit",
    "vicidial-tapered",
    "issabel",
    "webitel",
    "omnidialer",
    "textbook",
    CLAIRVOYANT,
    OPTIMUM,
)
