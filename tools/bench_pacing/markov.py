"""The small Markov model of a campaign: its exact optimum by linear programming, and any stationary policy
on it exactly. Needs scipy, which is for development only.

The model. `agents` of whom some handle a call (exponential, mean `handling_s`: talk and wrap-up), ringing
calls (each ends after an exponential time of mean `ring_s`, answered live with chance `answer_rate`), callers
without an agent (each leaves after an exponential patience of mean `patience_s`: an abandonment). A policy
may originate any number of calls at any instant, and never cancels one. State: callers with an agent or
waiting for one, and ringing calls. Bounds: `most_waiting` (an answer beyond is abandoned at once) and
`most_ringing`.

The program (Manne 1960; impulses as in Robin 1979): y(s) the share of time in state s, z(s) the rate at
which one call is added in it; flow into each state equals flow out of it; abandonments are at most
`target` of the answers; the share of busy agents is to be largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
# Beyond these bounds the optimum does not change in its sixth place (3, 8 and 10 agents).
_ENOUGH_LINES, _ENOUGH_ANSWERS = 40, 1.5
# Calls to originate at (busy agents, callers waiting, calls ringing).
Order = Callable[[int, int, int], int]


@dataclass(frozen=True, slots=True)
class Model:
    """See the module. Times in seconds; the defaults are the issue's means (120 + 20 handling)."""

    agents: int
    answer_rate: float
    ring_s: float = 10.0
    handling_s: float = 140.0
    patience_s: float = 2.0
    most_ringing: int = 0
    most_waiting: int = 12

    @property
    def ringing_bound(self) -> int:
        """`most_ringing`; by default the twelve lines an agent of the benchmark, or for larger teams so
        many that more are never worth it (some 1.5 answers on the way for each agent, and 40).
        """
        enough = math.ceil(_ENOUGH_LINES + _ENOUGH_ANSWERS * self.agents / self.answer_rate)
        return self.most_ringing or min(12 * self.agents, enough)


@dataclass(frozen=True, slots=True)
class Figures:
    """Share of time that agents are busy; abandoned over answered; answers a second."""

    utilization: float
    abandonment: float
    answers_per_s: float


class Chain:
    """The states of a model and the flows between them without any policy."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.rings, self.loads = model.ringing_bound + 1, model.agents + model.most_waiting + 1
        self.load = np.repeat(np.arange(self.loads), self.rings)
        self.ringing = np.tile(np.arange(self.rings), self.loads)
        self.busy = np.minimum(self.load, model.agents)
        self.waiting = self.load - self.busy
        self.size = len(self.load)
        self.answers = self.ringing * model.answer_rate / model.ring_s
        full = self.load == self.loads - 1
        self.abandonments = self.waiting / model.patience_s + np.where(full, self.answers, 0.0)

    def moves(self) -> tuple[Ints, Ints, Floats]:
        """From which state to which, at what rate."""
        model, every = self.model, np.arange(self.size)
        rings, full = self.ringing > 0, self.load == self.loads - 1
        in_vain = self.ringing * (1 - model.answer_rate) / model.ring_s
        kinds = [
            (rings & ~full, self.rings - 1, self.answers),
            (rings & full, -1, self.answers),
            (rings, -1, in_vain),
            (self.busy > 0, -self.rings, self.busy / model.handling_s),
            (self.waiting > 0, -self.rings, self.waiting / model.patience_s),
        ]
        froms = [every[where] for where, _, _ in kinds]
        tos = [every[where] + step for where, step, _ in kinds]
        rates = [rate[where] for where, _, rate in kinds]
        return np.concatenate(froms), np.concatenate(tos), np.concatenate(rates)

    def figures(self, shares: Floats) -> Figures:
        """What the shares of time in each state come to."""
        answers = float(shares @ self.answers)
        lost = float(shares @ self.abandonments)
        busy = float(shares @ self.busy) / self.model.agents
        return Figures(busy, lost / answers if answers else 0.0, answers)


def _scipy() -> Any:
    """The library, which has no types of its own."""
    try:
        for part in ("optimize", "sparse", "sparse.linalg", "sparse.csgraph"):
            import_module(f"scipy.{part}")
    except ImportError as error:
        raise SystemExit(
            "the exact optimum needs scipy: pip install scipy (it is in requirements/dev.in)"
        ) from error
    return import_module("scipy")


def _generator(scipy: Any, size: int, froms: Ints, tos: Ints, rates: Floats) -> Any:
    """Columns: from; rows: to; the diagonal takes the outflow."""
    rows = np.concatenate([tos, froms])
    columns = np.concatenate([froms, froms])
    return scipy.sparse.csr_matrix((np.concatenate([rates, -rates]), (rows, columns)), (size, size))


def optimum(model: Model, target: float) -> Figures:
    """The best that any policy can do while abandonments are at most `target` of the answers.

    SystemExit when the solver finds none (or scipy is missing).
    """
    scipy, chain = _scipy(), Chain(model)
    flows = _generator(scipy, chain.size, *chain.moves())
    addable = np.nonzero(chain.ringing < model.ringing_bound)[0]
    adds = _generator(scipy, chain.size, addable, addable + 1, np.ones(len(addable)))[:, addable]
    blank = np.zeros(len(addable))
    whole = scipy.sparse.csr_matrix(np.concatenate([np.ones(chain.size), blank]))
    over = np.concatenate([chain.abandonments - target * chain.answers, blank])
    found = scipy.optimize.linprog(
        np.concatenate([-chain.busy / model.agents, blank]),
        A_ub=scipy.sparse.csr_matrix(over),
        b_ub=[0.0],
        A_eq=scipy.sparse.vstack([scipy.sparse.hstack([flows, adds]), whole]).tocsr(),
        b_eq=np.concatenate([np.zeros(chain.size), [1.0]]),
        method="highs",
    )
    if found.status != 0:
        raise SystemExit(f"no optimum of {model}: {found.message}")
    return chain.figures(found.x[: chain.size])


def evaluate(model: Model, order: Order) -> Figures:
    """The figures of a stationary policy, exactly: it is asked at once after each event."""
    scipy, chain = _scipy(), Chain(model)
    after = chain.ringing + [
        order(int(busy), int(waiting), int(ringing))
        for busy, waiting, ringing in zip(chain.busy, chain.waiting, chain.ringing, strict=True)
    ]
    settled = chain.load * chain.rings + np.minimum(after, model.ringing_bound)
    froms, tos, rates = chain.moves()
    flows = _generator(scipy, chain.size, froms, settled[tos], rates)
    reached = _reached(scipy, flows, int(settled[0]))
    square = flows[reached][:, reached].tolil()
    square[0, :] = 1.0
    right = np.zeros(len(reached))
    right[0] = 1.0
    shares = np.zeros(chain.size)
    shares[reached] = scipy.sparse.linalg.spsolve(square.tocsc(), right)
    return chain.figures(shares)


def _reached(scipy: Any, flows: Any, start: int) -> Ints:
    """The states that the policy comes to from an empty floor."""
    found: Ints = scipy.sparse.csgraph.breadth_first_order(
        flows.T.tocsr(), start, return_predecessors=False
    )
    return np.sort(found)


def at_most(ratio: float, idle: int) -> int:
    """Lines of a fixed ratio: half is rounded up."""
    return math.floor(ratio * idle + 0.5)
