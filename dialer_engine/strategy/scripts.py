"""Scripts (话术): what is said in which scene, how strongly, in both languages, and the sentences
that have to be said.

Rules: a script is chosen by a step, else by stage and condition; a scene that a script leaves out
comes from the script `common`; a strength that a scene has not is the next milder one, never a
stronger; disclosures are added by jurisdiction, channel and party, so no script can forget one;
what is said before the person is known (`UNVERIFIED`) tells of no debt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dialer_engine.domain.collections.codes import PartyType, Stage
from dialer_engine.strategy.conditions import ALWAYS, Condition, nearest
from dialer_engine.strategy.format import STRENGTHS
from dialer_engine.strategy.model import Channel, Title
from dialer_engine.strategy.nodes import Node, Problem, errors, problem, problem_in
from dialer_engine.strategy.spec import (
    BROKEN,
    NAME,
    Field,
    Named,
    Number,
    Seq,
    Struct,
    Table,
    Text,
    When,
    json_schema,
    read,
)
from dialer_engine.strategy.variables import VARIABLES, names_in

LANGUAGES = ("zh", "en")
COMMON = "common"
SCHEMA_ID = "https://dialer-engine.invalid/schema/scripts-1.json"


class Scene(StrEnum):
    """Where in a contact a text belongs."""

    OPENING = "opening"
    MAIN = "main"
    HARDSHIP = "hardship"
    NO_TIME = "no_time"
    REFUSAL = "refusal"
    DISPUTE = "dispute"
    BROKEN_PROMISE = "broken_promise"
    STOP_REQUEST = "stop_request"
    PROMISE = "promise"
    CLOSING = "closing"
    THIRD_PARTY = "third_party"
    VOICEMAIL = "voicemail"
    MESSAGE = "message"
    LETTER = "letter"


# Said before the person is known to be the debtor, or to somebody who is not.
UNVERIFIED = frozenset({Scene.OPENING, Scene.THIRD_PARTY, Scene.VOICEMAIL})


class Place(StrEnum):
    """Where a disclosure stands: at the head of the scene, or at its end."""

    FIRST = "first"
    LAST = "last"


class Claim(StrEnum):
    """A statement that is lawful only where it is true: the script says that it makes it, and a
    strategy must not use it where it is not. legal: that a court may be asked. credit_report: that
    the creditor reports to a credit register. service: that a service may be limited by contract.
    """

    LEGAL = "legal"
    CREDIT_REPORT = "credit_report"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Wording:
    """One text of a scene at one strength. texts, nodes: by language."""

    strength: int
    texts: Mapping[str, str]
    nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Script:
    """What is said to a kind of case. stages: empty for all. line: in its file."""

    id: str
    title: Title
    scenes: Mapping[Scene, tuple[Wording, ...]]
    stages: frozenset[str] = frozenset()
    when: Condition = ALWAYS
    claims: frozenset[Claim] = frozenset()
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A sentence that must be said. jurisdictions: countries (ISO 3166), empty for all; channels,
    parties: empty for all. source: the rule it comes from.
    """

    id: str
    texts: Mapping[str, str]
    scenes: frozenset[Scene]
    place: Place = Place.FIRST
    jurisdictions: frozenset[str] = frozenset()
    channels: frozenset[Channel] = frozenset()
    parties: frozenset[str] = frozenset()
    source: str = ""
    nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)
    file: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """All scripts by id, and all disclosures in the order of their files."""

    scripts: Mapping[str, Script] = field(default_factory=dict)
    disclosures: tuple[Disclosure, ...] = ()

    def joined(self, other: Library) -> Library:
        """Both; of two scripts with one id, that of `other`."""
        return Library({**self.scripts, **other.scripts}, (*self.disclosures, *other.disclosures))


def _choices(kind: Any) -> Text:
    return Text(choices=tuple(member.value for member in kind), shape="one of the names there are")


_ZH = Field("zh", Text(), "the words in Chinese", "中文", needed=True)
_EN = Field("en", Text(), "the words in English", "英文", needed=True)
_TITLE = Struct(
    "title", (Field("en", Text(most=200), "English"), Field("zh", Text(most=200), "中文"))
)
WORDING = Struct(
    "wording",
    (Field("strength", Number(1, STRENGTHS), "1 is the mildest", "强度", default=1), _ZH, _EN),
)
SCRIPT = Struct(
    "script",
    (
        Field("id", NAME, "its name, once in the folder", "话术名", needed=True),
        Field("title", _TITLE, "for people", "名称"),
        Field("stages", Seq(_choices(Stage)), "for which stages; all when left out", "阶段"),
        Field("when", When(), "for which cases, when a step names no script", "条件"),
        Field(
            "claims", Seq(_choices(Claim)), "what it states that must be true of the case", "声明"
        ),
        Field(
            "scenes",
            Named(Seq(WORDING, 1, STRENGTHS), keys=tuple(s.value for s in Scene)),
            "the words, scene by scene",
            "场景",
            needed=True,
        ),
    ),
)
_COUNTRY = Text(pattern="[A-Z]{2}", shape="a country such as CN")
DISCLOSURE = Struct(
    "disclosure",
    (
        Field("id", NAME, "its name", "名称", needed=True),
        Field("scenes", Seq(_choices(Scene), 1), "in which scenes", "场景", needed=True),
        Field(
            "place",
            _choices(Place),
            "at the head of the scene or at its end",
            "位置",
            default="first",
        ),
        Field(
            "jurisdictions",
            Seq(Text(pattern="[A-Z]{2}", shape="a country such as CN")),
            "where; all when left out",
            "法域",
        ),
        Field("channels", Seq(_choices(Channel)), "on which channels; all when left out", "渠道"),
        Field(
            "parties",
            Seq(_choices(PartyType)),
            "the creditor itself, an agency, or both",
            "自催/委外",
        ),
        Field(
            "source",
            Text(most=300),
            "the rule that it comes from, and how well that is known",
            "来源",
        ),
        _ZH,
        _EN,
    ),
)
SCRIPTS = Struct(
    "script file",
    (
        Field("version", Number(1, 1), "of the format: 1", "格式版本", needed=True),
        Field("scripts", Seq(SCRIPT), "scripts", "话术"),
        Field("disclosures", Seq(DISCLOSURE), "sentences that have to be said", "必备语句"),
    ),
)


def scripts_schema() -> dict[str, Any]:
    """JSON Schema of a script file, for editors."""
    return json_schema(SCRIPTS, "dialer-engine scripts, version 1", SCHEMA_ID)


def read_scripts(file: str, node: Node) -> tuple[Library, list[Problem]]:
    """The scripts of one file and their problems; nothing of it when one is an error."""
    problems: list[Problem] = []
    table = read(SCRIPTS, node, problems)
    if table is BROKEN:
        return Library(), sorted(problems)
    scripts = [_script(file, row) for row in table["scripts"] or ()]
    disclosures = [_disclosure(file, row) for row in table["disclosures"] or ()]
    problems += _twice(table["scripts"] or [])
    for script in scripts:
        for scene, wordings in script.scenes.items():
            for wording in wordings:
                problems += _faults(wording.nodes, scene in UNVERIFIED)
    for disclosure in disclosures:
        problems += _faults(disclosure.nodes, bool(disclosure.scenes & UNVERIFIED))
    if errors(problems):
        return Library(), sorted(problems)
    return Library({s.id: s for s in scripts}, tuple(disclosures)), sorted(problems)


def _twice(rows: list[Table]) -> Iterator[Problem]:
    seen: set[str] = set()
    for row in rows:
        if row["id"] in seen:
            yield problem(row.place("id"), f"a script is called {row['id']} already")
        seen.add(row["id"])


def _script(file: str, table: Table) -> Script:
    title = table["title"]
    return Script(
        id=table["id"],
        title=Title(title["en"] or "", title["zh"] or "") if title else Title(),
        scenes={
            Scene(name): tuple(sorted(map(_wording, rows), key=lambda w: w.strength))
            for name, rows in table["scenes"].items()
        },
        stages=frozenset(table["stages"] or ()),
        when=table["when"] or ALWAYS,
        claims=frozenset(map(Claim, table["claims"] or ())),
        file=file,
        line=table.node.line,
    )


def _wording(table: Table) -> Wording:
    nodes = {language: table.place(language) for language in LANGUAGES}
    return Wording(table["strength"], {lang: table[lang] for lang in LANGUAGES}, nodes)


def _disclosure(file: str, table: Table) -> Disclosure:
    return Disclosure(
        id=table["id"],
        texts={language: table[language] for language in LANGUAGES},
        scenes=frozenset(map(Scene, table["scenes"])),
        place=Place(table["place"]),
        jurisdictions=frozenset(table["jurisdictions"] or ()),
        channels=frozenset(map(Channel, table["channels"] or ())),
        parties=frozenset(table["parties"] or ()),
        source=table["source"] or "",
        nodes={language: table.place(language) for language in LANGUAGES},
        file=file,
    )


def _faults(nodes: Mapping[str, Node], is_unverified: bool) -> Iterator[Problem]:
    """Variables that there are not, and debts told to somebody who is not known yet."""
    for node in nodes.values():
        for name, offset in names_in(node.value):
            if not name:
                yield problem_in(
                    node, offset, "a variable is written $name or ${name}; a dollar sign $$"
                )
            elif name not in VARIABLES:
                told = f"there is no variable {name}{nearest(name, VARIABLES)}"
                yield problem_in(node, offset, told)
            elif is_unverified and VARIABLES[name].is_debt:
                told = f"${name} tells of a debt before the person is known to be the debtor"
                yield problem_in(node, offset, told)
