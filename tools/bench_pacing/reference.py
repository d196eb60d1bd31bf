"""The issue's reference figures: utilization / abandonment of days of eight hours, target 3 %."""

from __future__ import annotations

from typing import NamedTuple

# Columns of the table, in its order, by the names that the policies have here.
COLUMNS = (
    "one-to-one",
    "best-fixed-ratio",
    "vicidial-average",
    "issabel",
    "omnidialer",
    "textbook",
    "predictive",
)
_TABLE = """
steady   3 0.1 .477/0    .680/.032 .476/.034 .733/.141 -         .916/.517 .686/.027
steady   3 0.3 .750/0    .786/.016 .741/.033 .858/.295 .746/.073 .917/.416 .804/.027
steady  10 0.1 .476/0    .809/.030 .486/.032 .697/.028 .503/.162 .944/.406 .823/.030
steady  10 0.3 .750/0    .839/.031 .744/.033 .839/.114 .758/.153 .947/.388 .858/.028
steady  10 0.6 .873/0    .886/.014 .865/.032 .898/.158 .874/.125 .951/.357 .901/.030
steady  30 0.1 .472/0    .895/.027 .492/.031 .698/.002 -         .966/.278 .908/.030
steady  30 0.3 .747/0    .909/.029 .743/.031 .820/.010 .788/.375 .969/.284 .917/.029
steady  30 0.6 .871/0    -         .866/.031 .897/.030 -         .975/.299 .932/.029
steady 100 0.1 .473/0    -         .501/.031 .744/0    -         .982/.154 .961/.029
steady 100 0.3 .745/0    -         .744/.031 .799/0    .853/.808 .986/.183 .965/.029
hard     3 0.1 .402/.001 .601/.026 .401/.033 .649/.135 -         .917/.571 .640/.021
hard     3 0.3 .673/.001 .716/.012 .664/.036 .836/.309 .666/.070 .920/.579 .754/.024
hard    10 0.1 .399/0    .739/.030 .417/.032 .627/.036 .425/.135 .942/.479 .791/.026
hard    10 0.3 .667/0    .773/.028 .666/.032 .814/.160 .687/.158 .945/.524 .833/.028
hard    10 0.6 .811/.001 .833/.009 .805/.032 .870/.220 .815/.134 .948/.564 .870/.026
hard    30 0.1 .397/0    .845/.029 .447/.030 .636/.005 -         .962/.364 .893/.028
hard    30 0.3 .666/0    -         .665/.031 .798/.042 .711/.362 .965/.436 .903/.029
hard    30 0.6 .808/0    -         .803/.031 .862/.075 -         .969/.499 .917/.028
hard   100 0.3 .666/0    -         .672/.031 .797/.010 .798/.734 .980/.350 .956/.029
"""
# Its clairvoyant, and its optimum of the Markov model (answer rate 0.3, 3 %).
_CLAIRVOYANT = {(3, 0.1): 0.942, (10, 0.1): 0.948, (30, 0.1): 0.962}
_OPTIMUM = {3: 0.837, 8: 0.867, 10: 0.876, 30: 0.928, 100: 0.969}


class Reference(NamedTuple):
    """abandonment: None where the issue gives none."""

    utilization: float
    abandonment: float | None


def _parsed() -> dict[tuple[str, int, float, str], Reference]:
    table: dict[tuple[str, int, float, str], Reference] = {}
    for line in _TABLE.strip().splitlines():
        scenario, agents, rate, *figures = line.split()
        for policy, pair in zip(COLUMNS, figures, strict=True):
            if pair != "-":
                busy, lost = pair.split("/")
                key = (scenario, int(agents), float(rate), policy)
                table[key] = Reference(float(busy), float(lost))
    for (team, share), busy_share in _CLAIRVOYANT.items():
        table["steady", team, share, "clairvoyant"] = Reference(busy_share, None)
    for team, busy_share in _OPTIMUM.items():
        table["markov", team, 0.3, "optimum"] = Reference(busy_share, None)
    return table


_REFERENCES = _parsed()


def reference(scenario: str, agents: int, answer_rate: float, policy: str) -> Reference | None:
    """What the issue says of this row, if it says anything."""
    return _REFERENCES.get((scenario, agents, answer_rate, policy))
