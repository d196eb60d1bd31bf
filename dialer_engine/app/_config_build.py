"""From the merged tree to the frozen configuration, with every problem found on the way.

Rules: an unknown key is a problem and names the nearest known one; a problem never hides the next; what can only be
judged together (a trunk's PBX, the order of two limits) is judged when every single key is right.
"""

from __future__ import annotations

import dataclasses
import difflib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from dialer_engine.app._config_fields import META, Secret, about
from dialer_engine.app._config_schema import Config, Exchange
from dialer_engine.app._config_tree import DEFAULT, Branch, Items, Leaf, Node, Origin, Problem, join
from dialer_engine.app._config_values import Wrong, flow, parse, without_none

FILE_SUFFIX = "_file"
NEAR = 0.6


@dataclasses.dataclass(slots=True)
class Builder:
    """Collects problems, warnings and the origin of each value while it builds."""

    problems: list[Problem]
    warnings: list[str] = dataclasses.field(default_factory=list)
    origins: dict[str, Origin] = dataclasses.field(default_factory=dict)

    def build(self, kind: type[Any], branch: Branch, key: str = "") -> Any:
        """A section from its branch; None when it cannot be built (its problems are in the list)."""
        hints = get_type_hints(kind)
        values: dict[str, Any] = {}
        self._refuse_unknown(kind, branch, key)
        for field in dataclasses.fields(kind):
            self._field(field, hints[field.name], branch, key, values)
        required = [f.name for f in dataclasses.fields(kind) if _is_required(f)]
        return kind(**values) if all(name in values for name in required) else None

    def _field(
        self,
        field: dataclasses.Field[Any],
        kind: Any,
        branch: Branch,
        key: str,
        values: dict[str, Any],
    ) -> None:
        full = join(key, field.name)
        node = branch.nodes.get(field.name)
        if dataclasses.is_dataclass(kind):
            values[field.name] = self._section(kind, node, full, branch)
        elif (member := member_type(kind)) is not None:
            values[field.name] = self._members(member, node, full)
        else:
            self._value(field, kind, branch, full, values)

    def _section(self, kind: Any, node: Node | None, key: str, above: Branch) -> Any:
        if node is None or (isinstance(node, Leaf) and node.is_null):
            return self.build(kind, Branch(above.origin), key)
        if not isinstance(node, Branch):
            self._problem(node.origin, key, "must be a section with keys")
            return None
        return self.build(kind, node, key)

    def _members(self, kind: type[Any], node: Node | None, key: str) -> tuple[Any, ...]:
        node = self._flow(node, key)
        if node is None or (isinstance(node, Leaf) and node.is_null):
            self.origins[key] = DEFAULT
            return ()
        if not isinstance(node, Items):
            self._problem(node.origin, key, "must be a list, each entry beginning with `- name:`")
            return ()
        self.origins[key] = node.origin
        named = member_keys(node, key)
        for position, full in enumerate(named):
            if full in named[:position]:
                self._problem(node.nodes[position].origin, full, "this name is already taken")
        pairs = zip(named, node.nodes, strict=True)
        return tuple(
            self._section(kind, member, full, Branch(member.origin)) for full, member in pairs
        )

    def _flow(self, node: Node | None, key: str) -> Node | None:
        try:
            return flow(node) if node is not None else None
        except Wrong as wrong:
            self._problem(node.origin if node else DEFAULT, key, str(wrong))
            return None

    def _value(
        self,
        field: dataclasses.Field[Any],
        kind: Any,
        branch: Branch,
        key: str,
        values: dict[str, Any],
    ) -> None:
        node = self._secret_file(field, kind, branch, key)
        if node is None:
            self._missing(field, branch, key, is_secret(kind))
            return
        place = node.origin
        self.origins[key] = place
        try:
            value = parse(kind, node)
        except Wrong as wrong:
            self._problem(place, key, str(wrong))
            return
        check = about(field).check
        if check and value is not None and (objection := check(value)):
            self._problem(place, key, objection)
        values[field.name] = value

    def _missing(
        self, field: dataclasses.Field[Any], branch: Branch, key: str, secret: bool
    ) -> None:
        if _is_required(field):
            self._problem(
                branch.origin,
                key,
                f"is missing{f' (or {field.name}{FILE_SUFFIX})' if secret else ''}",
            )
        self.origins[key] = DEFAULT

    # -- secrets in files ------------------------------------------------------------------------

    def _secret_file(
        self, field: dataclasses.Field[Any], kind: Any, branch: Branch, key: str
    ) -> Node | None:
        """The field's own node, or for a secret what its file holds: the higher layer of the two wins."""
        own = branch.nodes.get(field.name)
        path = branch.nodes.get(field.name + FILE_SUFFIX) if is_secret(kind) else None
        if not isinstance(path, Leaf) or path.is_null:
            return own
        if own is not None and own.origin.rank == path.origin.rank:
            self._problem(
                path.origin, key + FILE_SUFFIX, f"and {field.name} are both given: keep one"
            )
            return own
        if own is not None and own.origin.rank > path.origin.rank:
            return own
        return self._read_secret(path, key)

    def _read_secret(self, path: Leaf, key: str) -> Leaf:
        place = Origin(f"{path.origin} -> {path.text}", path.origin.rank)
        try:
            text = Path(path.text).read_text(encoding="utf-8").rstrip("\r\n")
            mode = Path(path.text).stat().st_mode
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._problem(path.origin, key + FILE_SUFFIX, f"{path.text} cannot be read: {reason}")
            return Leaf("unreadable", place, quoted=True)
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            self.warnings.append(f"{path.text} can be read by everybody: chmod 600 {path.text}")
        return Leaf(text, place, quoted=True)

    # -- problems --------------------------------------------------------------------------------

    def _problem(self, origin: Origin, key: str, text: str) -> None:
        self.problems.append(Problem(origin, key, text))

    def _refuse_unknown(self, kind: type[Any], branch: Branch, key: str) -> None:
        known = known_keys(kind)
        for name in branch.nodes:
            if name not in known:
                place = branch.places.get(name, branch.origin)
                self._problem(place, join(key, name), f"is not known. {suggest(name, key, known)}")


def is_secret(kind: Any) -> bool:
    """Whether a field of this type holds a secret."""
    bare, _ = without_none(kind)
    return isinstance(bare, type) and issubclass(bare, Secret)


def member_type(kind: Any) -> type[Any] | None:
    """The section type in `tuple[Section, ...]`, else None."""
    if get_origin(kind) is tuple and dataclasses.is_dataclass(get_args(kind)[0]):
        found: type[Any] = get_args(kind)[0]
        return found
    return None


def member_keys(items: Items, key: str) -> list[str]:
    """`trunks[carrier-a]` for members with a name, `trunks[0]` for others."""
    names: list[str] = []
    for number, node in enumerate(items.nodes):
        name = node.nodes.get("name") if isinstance(node, Branch) else None
        names.append(f"{key}[{name.text if isinstance(name, Leaf) and name.text else number}]")
    return names


def known_keys(kind: type[Any]) -> list[str]:
    """The keys a section takes, `…_file` of its secrets included."""
    hints = get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind) if META in f.metadata]
    return names + [n + FILE_SUFFIX for n in names if is_secret(hints[n])]


def all_keys(kind: type[Any], key: str = "") -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    """Every key of the schema as (`pbx.nodes[].host`, field, type), sections themselves left out."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        full, hint = join(key, field.name), hints[field.name]
        member = member_type(hint)
        if member is not None:
            yield from all_keys(member, f"{full}[]")
        elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from all_keys(hint, full)
        else:
            yield full, field, hint


def suggest(name: str, section: str, known: list[str]) -> str:
    """The nearest known key here, else the same key elsewhere, else everything that is known here."""
    if near := difflib.get_close_matches(name, known, n=1, cutoff=NEAR):
        return f"Did you mean {near[0]}?"
    places = [key for key, _, _ in all_keys(Config)]
    leaves = {key.rpartition(".")[2]: key for key in reversed(places)}
    if near := difflib.get_close_matches(name, leaves, n=1, cutoff=0.8):
        return f"Did you mean {leaves[near[0]]}?"
    return f"Known in {section or 'the file'}: {', '.join(known)}."


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


# Nothing that is sent to these leaves the machine.
_OWN_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


# -- what only makes sense together ----------------------------------------------------------------


def cross_check(config: Config, origin: Callable[[str], Origin]) -> Iterator[Problem]:
    """Problems between keys that are right by themselves."""
    nodes = {node.name for node in config.pbx.nodes}
    for trunk in config.trunks:
        if trunk.node not in nodes:
            key = f"trunks[{trunk.name}].node"
            near = difflib.get_close_matches(trunk.node, nodes, n=1, cutoff=NEAR)
            hint = (
                f"did you mean {near[0]}?"
                if near
                else f"known: {', '.join(sorted(nodes)) or 'none'}"
            )
            yield Problem(origin(key), key, f"no PBX is called {trunk.node!r} in pbx.nodes; {hint}")
        if trunk.number_format == "national" and not config.compliance.default_country:
            key = f"trunks[{trunk.name}].number_format"
            yield Problem(origin(key), key, "national needs compliance.default_country")
    if config.compliance.window_start >= config.compliance.window_end:
        key = "compliance.window_end"
        yield Problem(origin(key), key, "must be later than compliance.window_start")
    if config.recordings.stop_free_mib > config.recordings.slow_free_mib:
        key = "recordings.stop_free_mib"
        yield Problem(origin(key), key, "must not be more than recordings.slow_free_mib")
    if config.agents.callback_s > config.agents.callback_max_s:
        key = "agents.callback_max_s"
        yield Problem(origin(key), key, "must not be less than agents.callback_s")
    yield from _node_checks(config, origin)
    yield from _exchange_checks(config.exchange, origin)


def _exchange_checks(exchange: Exchange, origin: Callable[[str], Origin]) -> Iterator[Problem]:
    if bool(exchange.certificate) != bool(exchange.certificate_key):
        key = "exchange.certificate_key"
        yield Problem(origin(key), key, "certificate and certificate_key belong together")
    if not exchange.enabled:
        return
    if not exchange.tokens:
        key = "exchange.tokens"
        yield Problem(origin(key), key, "nobody could ask: `dialer-engine token NAME` makes one")
    if not (exchange.certificate or exchange.behind_proxy or exchange.host in _OWN_HOSTS):
        key = "exchange.host"
        text = "tokens and personal data would cross the network in the clear; set certificate, or behind_proxy"
        yield Problem(origin(key), key, text)


def _node_checks(config: Config, origin: Callable[[str], Origin]) -> Iterator[Problem]:
    for node in config.pbx.nodes:
        if node.ping_deadline_s > node.ping_interval_s:
            key = f"pbx.nodes[{node.name}].ping_deadline_s"
            yield Problem(origin(key), key, "must not be longer than ping_interval_s")
