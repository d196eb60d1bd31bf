"""The mix: what people and carriers of the world do, by chance. Reads mix.yaml, gives what the dialplan needs.

Rules:
- The dialplan draws with decimal digits of an MD5 of seed, number and try; here are the tables that it looks into:
  500 behaviour codes of two digits, 100 quantiles of seven characters for each distribution.
- Anything unknown in the file is an error that names the key.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import yaml

from tools.lab.errors import MixError

KIND_SLOTS = 500
QUANTILES = 100
DICE_PADDING = "31415926535"  # for the hash that has hardly a decimal digit
LONGEST_S = 9999.0  # seven characters: 9999.99

# The dialplan's codes (docker/asterisk/world/extensions.conf); those with a weight may be drawn by chance.
CODES: Mapping[str, str] = {
    "talk": "00",
    "answer_hangup": "01",
    "machine": "02",
    "busy": "03",
    "no_answer": "04",
    "declined": "05",
    "unallocated": "06",
    "unallocated_said": "07",
    "switched_off": "08",
    "congestion": "09",
    "codec": "10",
    "cancel_cross": "11",
    "silence": "12",
    "reinvite": "13",
    "suspended_said": "14",
    "tone": "20",
    "long_talk": "21",
    "echo": "22",
    "second_try": "23",
    "drop_after": "24",
}

_SHAPE: Mapping[str, frozenset[str]] = {
    "ring": frozenset({"median", "sigma", "min", "max"}),
    "talk": frozenset({"median", "sigma", "min", "max"}),
    "machine": frozenset({"pause", "listens"}),
    "silence": frozenset({"lasts"}),
    "reinvite": frozenset({"after"}),
    "cancel_cross": frozenset({"dial_timeout", "spread"}),
    "phones": frozenset({"pickup", "login_pause"}),
}


def number_for(kind: str, variant: int = 0) -> str:
    """The drama number (E.164) that forces `kind`; ten variants each, 0 to 9."""
    return f"+441632960{CODES[kind]}{variant % 10}"


def load_number(kind: str, serial: int) -> str:
    """A number of the unassigned country code 999 that forces `kind`: as many as one likes, for load."""
    return f"+999{CODES[kind]}{serial % 10}{serial:07d}"


@dataclass(frozen=True)
class Lognormal:
    """A cut lognormal distribution; median, min and max in seconds."""

    median: float
    sigma: float
    min: float
    max: float

    def quantile(self, p: float) -> float:
        """Seconds below which a share `p` (0 < p < 1) of draws lies."""
        drawn = self.median * math.exp(self.sigma * NormalDist().inv_cdf(p))
        return min(self.max, max(self.min, drawn))

    def table(self, scale: float) -> str:
        """The quantiles at the middle of each hundredth, divided by `scale`, seven characters each."""
        points = [self.quantile((i + 0.5) / QUANTILES) / scale for i in range(QUANTILES)]
        return "".join(f"{min(LONGEST_S, point):07.2f}" for point in points)


@dataclass(frozen=True)
class Mix:
    """A checked mix file. Times in seconds, not yet divided by time_scale."""

    seed: int
    time_scale: float
    weights: Mapping[str, float]
    ring: Lognormal
    talk: Lognormal
    machine: Mapping[str, float]
    silence: Mapping[str, float]
    reinvite: Mapping[str, float]
    cancel_cross: Mapping[str, float]
    phones: Mapping[str, float]

    def kinds(self) -> str:
        """KIND_SLOTS codes of two digits, each behaviour as often as its weight says (largest remainder)."""
        total = sum(self.weights.values())
        exact = {name: weight / total * KIND_SLOTS for name, weight in self.weights.items()}
        slots = {name: int(share) for name, share in exact.items()}
        by_rest = sorted(exact, key=lambda name: slots[name] - exact[name])
        for name in by_rest[: KIND_SLOTS - sum(slots.values())]:
            slots[name] += 1
        return "".join(CODES[name] * count for name, count in slots.items())

    def draw(self, number: str, nth: int = 1) -> str:
        """What the nth call to an E.164 number does: the same dice as the dialplan throws."""
        hashed = hashlib.md5(f"{self.seed}/{number.lstrip('+')}/{nth}".encode()).hexdigest()
        dice = "".join(c for c in hashed if c.isdigit()) + DICE_PADDING
        slot = int(dice[:5]) % KIND_SLOTS
        code = self.kinds()[2 * slot : 2 * slot + 2]
        return next(name for name, known in CODES.items() if known == code)

    def globals(self) -> dict[str, str]:
        """The dialplan globals of the world, by name."""
        scale = self.time_scale
        cross = self.cancel_cross
        return {
            "SEED": str(self.seed),
            "KINDS": self.kinds(),
            "RING_Q": self.ring.table(scale),
            "TALK_Q": self.talk.table(scale),
            "MACHINE_PAUSE": _seconds(self.machine["pause"]),
            "MACHINE_LISTENS": _seconds(self.machine["listens"] / scale),
            "SILENCE": _seconds(self.silence["lasts"] / scale),
            "REINVITE_AFTER": _seconds(self.reinvite["after"] / scale),
            "CANCEL_CROSS": _seconds(cross["dial_timeout"]),
            "CANCEL_SPREAD": _seconds(cross["spread"]),
            "PHONE_PICKUP": _seconds(self.phones["pickup"]),
            "LOGIN_PAUSE": _seconds(self.phones["login_pause"]),
        }


def load_mix(path: Path, overrides: Mapping[str, Any] | None = None) -> Mix:
    """Read and check a mix file; `overrides` replaces whole top-level keys. Raises MixError."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise MixError(f"{path}: cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise MixError(f"{path}: a mapping is expected")
    return _checked({**read, **(overrides or {})}, str(path))


def _checked(raw: Mapping[str, Any], where: str) -> Mix:
    known = {"seed", "time_scale", "weights", *_SHAPE}
    for key in [*(set(raw) - known), *(known - set(raw))]:
        raise MixError(f"{where}: {key}: {'unknown' if key in raw else 'missing'}")
    parts = {key: _numbers(raw[key], _SHAPE[key], f"{where}: {key}") for key in _SHAPE}
    weights = _numbers(raw["weights"], None, f"{where}: weights")
    _check_weights(weights, where)
    scale = _number(raw["time_scale"], f"{where}: time_scale")
    if scale <= 0:
        raise MixError(f"{where}: time_scale: above 0 is expected")
    ring, talk = Lognormal(**parts.pop("ring")), Lognormal(**parts.pop("talk"))
    seed = int(_number(raw["seed"], f"{where}: seed"))
    return Mix(seed=seed, time_scale=scale, weights=weights, ring=ring, talk=talk, **parts)


def _check_weights(weights: Mapping[str, float], where: str) -> None:
    for name, weight in weights.items():
        if name not in CODES:
            raise MixError(f"{where}: weights: {name}: unknown; known are {', '.join(CODES)}")
        if weight < 0:
            raise MixError(f"{where}: weights: {name}: below 0")
    if sum(weights.values()) <= 0:
        raise MixError(f"{where}: weights: all are 0")


def _numbers(raw: Any, names: frozenset[str] | None, where: str) -> dict[str, float]:
    if not isinstance(raw, dict):
        raise MixError(f"{where}: a mapping is expected")
    if names is not None and set(raw) != names:
        raise MixError(f"{where}: exactly {', '.join(sorted(names))} are expected")
    return {str(name): _number(value, f"{where}: {name}") for name, value in raw.items()}


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MixError(f"{where}: a number is expected, not {value!r}")
    return float(value)


def _seconds(value: float) -> str:
    return f"{value:.3f}"
