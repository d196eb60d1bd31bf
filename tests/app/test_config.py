"""Layers, origins, secrets, listing and comparing of the configuration, and that its reference is complete."""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dialer_engine.app import config as cfg
from dialer_engine.app._config_build import all_keys, known_keys
from dialer_engine.domain.campaign import DialMode
from dialer_engine.domain.errors import ConfigError

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "config" / "dialer.yaml"

NODE = """\
pbx:
  nodes:
    - name: main
      host: 127.0.0.1
      username: dialer
      secret: hunter2
trunks:
  - name: carrier-a
    node: main
    dial: PJSIP/{number}@carrier-a
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "dialer.yaml").write_text(NODE, encoding="utf-8")
    return tmp_path


def load(home: Path, *settings: str, **env: str) -> cfg.Loaded:
    return cfg.load(home / "dialer.yaml", settings=settings, env=env)


def complaints(home: Path, text: str, *settings: str, **env: str) -> list[str]:
    """The lines of the error that this file causes, without the folder's name."""
    (home / "dialer.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(home, *settings, **env)
    return str(caught.value).replace(f"{home}/", "").splitlines()


# -- layers ----------------------------------------------------------------------------------------


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cfg, "USUAL_PLACES", (Path("config/dialer.yaml"),))
    loaded = cfg.load(env={})
    assert loaded.files == ()
    assert loaded.config == cfg.Config()
    assert {row.origin for row in loaded.effective()} == {"default"}
    assert loaded.warnings == ("pbx.nodes is empty: there is nothing to dial with",)


def test_each_layer_wins_over_the_one_before(home: Path) -> None:
    wins = []
    (home / "dialer.yaml").write_text(NODE + "pacing: {ratio: 2}\n", encoding="utf-8")
    wins.append(load(home).config.pacing.ratio)
    (home / "conf.d/10-a.yaml").write_text("pacing: {ratio: 3}\n", encoding="utf-8")
    wins.append(load(home).config.pacing.ratio)
    (home / "conf.d/20-b.yaml").write_text("pacing: {ratio: 4}\n", encoding="utf-8")
    wins.append(load(home).config.pacing.ratio)
    wins.append(load(home, DIALER_PACING__RATIO="5").config.pacing.ratio)
    wins.append(load(home, "pacing.ratio=6", DIALER_PACING__RATIO="5").config.pacing.ratio)
    assert wins == [2, 3, 4, 5, 6]


def test_every_value_knows_where_it_came_from(home: Path) -> None:
    (home / "conf.d/50-x.yaml").write_text("\npacing:\n  ratio: 3\n", encoding="utf-8")
    loaded = load(home, "agents.wrap_up_s=5", DIALER_DAEMON__LOG_LEVEL="debug")
    origin = {row.key: row.origin for row in loaded.effective()}
    assert origin["pacing.ratio"] == f"{home}/conf.d/50-x.yaml:3"
    assert origin["pbx.nodes[main].host"] == f"{home}/dialer.yaml:4"
    assert origin["agents.wrap_up_s"] == "--set agents.wrap_up_s"
    assert origin["daemon.log_level"] == "environment DIALER_DAEMON__LOG_LEVEL"
    assert origin["pacing.tick_s"] == "default"


def test_files_of_conf_d_that_do_not_end_in_yaml_are_left_alone(home: Path) -> None:
    (home / "conf.d/README").write_text("not: [yaml", encoding="utf-8")
    (home / "conf.d/old.yaml.bak").write_text("nonsense: 1", encoding="utf-8")
    assert load(home).files == (home / "dialer.yaml",)


def test_a_list_in_a_later_file_replaces_the_whole_list(home: Path) -> None:
    trunk = "trunks: [{name: carrier-b, node: main, dial: 'PJSIP/{number}@b'}]\n"
    (home / "conf.d/10-trunks.yaml").write_text(trunk, encoding="utf-8")
    assert [t.name for t in load(home).config.trunks] == ["carrier-b"]


def test_an_empty_section_changes_nothing(home: Path) -> None:
    (home / "conf.d/10.yaml").write_text("trunks:\npacing:\nredis: ~\n", encoding="utf-8")
    loaded = load(home)
    assert [t.name for t in loaded.config.trunks] == ["carrier-a"]
    assert loaded.config.redis == cfg.Redis()


def test_members_of_lists_are_set_by_number_and_by_name(home: Path) -> None:
    loaded = load(
        home,
        "trunks[carrier-a].max_cps=7",
        "trunks[0].max_channels=9",
        DIALER_TRUNKS__0__PRIORITY="3",
    )
    trunk = loaded.config.trunks[0]
    assert (trunk.max_cps, trunk.max_channels, trunk.priority) == (7, 9, 3)


def test_a_container_is_configured_by_the_environment_alone(tmp_path: Path) -> None:
    (tmp_path / "dialer.yaml").write_text("", encoding="utf-8")
    env = {
        "DIALER_PBX__NODES__0__NAME": "main",
        "DIALER_PBX__NODES__0__HOST": "pbx",
        "DIALER_PBX__NODES__0__USERNAME": "dialer",
        "DIALER_PBX__NODES__0__SECRET": "hunter2",
        "DIALER_TRUNKS": "[{name: carrier-a, node: main, dial: 'PJSIP/{number}@carrier-a'}]",
        "DIALER_AGENTS__BREAK_REASONS": "lunch, rest",
        "DIALER_STORE__URL": "postgresql+psycopg://dialer:pw@db/dialer",
    }
    config = load(tmp_path, **env).config
    assert config.pbx.nodes[0].secret.reveal() == "hunter2"
    assert config.trunks[0].dial == "PJSIP/{number}@carrier-a"
    assert config.agents.break_reasons == ("lunch", "rest")
    assert config.store.url.reveal() == "postgresql+psycopg://dialer:pw@db/dialer"


def test_variables_without_the_double_underscore_are_not_ours(home: Path) -> None:
    load(home, DIALER_ASTERISK_ROOT="/x", DIALER_SETUP_PBX="root")


def test_the_file_is_found_by_variable_then_in_the_usual_places(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setattr(cfg, "USUAL_PLACES", (Path("config/dialer.yaml"), home / "dialer.yaml"))
    assert cfg.search_path({}) == home / "dialer.yaml"
    assert cfg.search_path({"DIALER_CONFIG": "/else.yaml"}) == Path("/else.yaml")
    monkeypatch.setattr(cfg, "USUAL_PLACES", ())
    assert cfg.search_path({}) is None


# -- types -----------------------------------------------------------------------------------------


def test_text_becomes_what_its_key_asks_for(home: Path) -> None:
    text = NODE + (
        "compliance: {window_start: 8:30, window_end: 21:00, weekdays: [1, 5], default_zone: Asia/Shanghai}\n"
        "pacing: {mode: ratio, ratio: 1.5}\namd: {enabled: yes}\n"
        'agents: {dispositions: {1: promise, "*": other}}\nredis: {url: "redis://:pw@h/0"}\n'
    )
    (home / "dialer.yaml").write_text(text, encoding="utf-8")
    config = load(home).config
    assert (config.compliance.window_start, config.compliance.window_end) == (
        time(8, 30),
        time(21, 0),
    )
    assert config.compliance.weekdays == (1, 5)
    assert (config.pacing.mode, config.pacing.ratio, config.amd.enabled) == (
        DialMode.RATIO,
        1.5,
        True,
    )
    assert config.agents.dispositions == {"1": "promise", "*": "other"}
    assert config.redis.url == cfg.SecretUrl("redis://:pw@h/0")


def test_a_name_that_yaml_takes_for_a_boolean_stays_a_name(home: Path) -> None:
    assert load(home, "api.socket_group=no").config.api.socket_group == "no"


# -- errors ----------------------------------------------------------------------------------------


def test_all_errors_come_in_one_list_each_with_file_line_and_key(home: Path) -> None:
    (home / "conf.d/10.yaml").write_text("pacing:\n  tick_s: fast\n", encoding="utf-8")
    text = "daemon:\n  drain_limit_s: -1\n  log_levle: info\nstore:\n  pool_size: 1.5\n"
    assert complaints(home, text, "amd.enabled=perhaps", DIALER_METRICS__PORT="70000") == [
        "dialer.yaml:2: daemon.drain_limit_s: must be between 0 and 86400, not -1",
        "dialer.yaml:3: daemon.log_levle: is not known. Did you mean log_level?",
        "dialer.yaml:5: store.pool_size: must be a whole number, not '1.5'",
        "conf.d/10.yaml:2: pacing.tick_s: must be a number, not 'fast'",
        "environment DIALER_METRICS__PORT: metrics.port: must be between 1 and 65535, not 70000",
        "--set amd.enabled: amd.enabled: must be true or false, not 'perhaps'",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("pacng: {}", "dialer.yaml:1: pacng: is not known. Did you mean pacing?"),
        (
            "daemon:\n  ratio: 2",
            "dialer.yaml:2: daemon.ratio: is not known. Did you mean pacing.ratio?",
        ),
        (
            "amd:\n  xyzzy: 2",
            "dialer.yaml:2: amd.xyzzy: is not known. Known in amd: enabled, unsure_is_machine.",
        ),
        (
            "amd:\n  enabled: on\n  enabled: off",
            "dialer.yaml:3: amd.enabled: is already set in line 2",
        ),
        ("amd: yes", "dialer.yaml:1: amd: must be a section with keys"),
        ("- a", "dialer.yaml:1: must be sections with keys, such as `store:`"),
        (
            "amd: [unclosed",
            "dialer.yaml:1: is not YAML: expected ',' or ']', but got '<stream end>'",
        ),
        (
            "trunks: {a: b}",
            "dialer.yaml:1: trunks: must be a list, each entry beginning with `- name:`",
        ),
        (
            "pacing: {mode: fast}",
            "dialer.yaml:1: pacing.mode: must be one of predictive, progressive, ratio, preview, manual,"
            " robot, not 'fast'",
        ),
        (
            "compliance: {window_start: '25:00'}",
            "dialer.yaml:1: compliance.window_start: must be a time of day such as 08:00, not '25:00'",
        ),
        (
            "compliance: {default_zone: Mars/Base}",
            "dialer.yaml:1: compliance.default_zone: must be an IANA time zone such as Asia/Shanghai, or empty,"
            " not 'Mars/Base'",
        ),
        (
            "compliance: {weekdays: [0]}",
            "dialer.yaml:1: compliance.weekdays: must be ISO weekdays, 1 (Monday) to 7, each once",
        ),
        (
            "compliance: {weekdays: 5}",
            "dialer.yaml:1: compliance.weekdays: must be a list, such as [a, b]",
        ),
        (
            "agents: {dispositions: {12: a}}",
            "dialer.yaml:1: agents.dispositions: keys are single digits, * or #, not '12'",
        ),
        (
            "agents: {dispositions: a}",
            "dialer.yaml:1: agents.dispositions: must be keys and values",
        ),
        ("agents: {dial: PJSIP/x}", "dialer.yaml:1: agents.dial: must contain {phone}"),
        ("daemon: {state_dir: }", "dialer.yaml:1: daemon.state_dir: must be a path"),
        (
            "daemon: {log_level: [a]}",
            "dialer.yaml:1: daemon.log_level: must be one value, not a list or a section",
        ),
        (
            "daemon:\n  log_level: !!int [",
            "dialer.yaml:2: is not YAML: expected the node content, but found '<stream end>'",
        ),
    ],
)
def test_one_error(home: Path, text: str, complaint: str) -> None:
    assert complaint in complaints(home, text)


def test_what_a_list_entry_lacks_is_named_at_its_line(home: Path) -> None:
    text = "pbx:\n  nodes:\n    - name: main\n      host: h\n      hots: h\n"
    assert complaints(home, text) == [
        "dialer.yaml:3: pbx.nodes[main].username: is missing",
        "dialer.yaml:3: pbx.nodes[main].secret: is missing (or secret_file)",
        "dialer.yaml:5: pbx.nodes[main].hots: is not known. Did you mean host?",
    ]


def test_two_entries_of_one_name_are_refused(home: Path) -> None:
    trunk = "  - {name: carrier-a, node: main, dial: 'PJSIP/{number}@a'}\n"
    assert complaints(home, NODE + trunk) == [
        "dialer.yaml:11: trunks[carrier-a]: this name is already taken"
    ]


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (
            "trunks[carrier-a].node=mian",
            "trunks[carrier-a].node: no PBX is called 'mian' in pbx.nodes; did you mean main?",
        ),
        (
            "trunks[0].number_format=national",
            "trunks[carrier-a].number_format: national needs compliance.default_country",
        ),
        (
            "compliance.window_end=07:00",
            "compliance.window_end: must be later than compliance.window_start",
        ),
        (
            "recordings.stop_free_mib=20000",
            "recordings.stop_free_mib: must not be more than recordings.slow_free_mib",
        ),
        ("agents.callback_max_s=0.5", "agents.callback_max_s: must be between 1 and 3600, not 0.5"),
        (
            "pbx.nodes[main].ping_deadline_s=11",
            "pbx.nodes[main].ping_deadline_s: must not be longer than ping_interval_s",
        ),
    ],
)
def test_keys_that_do_not_go_together(home: Path, setting: str, complaint: str) -> None:
    assert complaints(home, NODE, setting) == [f"--set {setting.partition('=')[0]}: {complaint}"]


def test_settings_that_point_nowhere(home: Path) -> None:
    assert complaints(home, NODE, "trunks[carrier-x].max_cps=1", "nonsense", "trunks[0]=5") == [
        "--set trunks[carrier-x].max_cps: trunks.carrier-x.max_cps: there is no trunks 'carrier-x'",
        "--set nonsense: must be key=value, such as --set pacing.ratio=1.5",
        "--set trunks[0]: trunks.0: there is no trunks '0'",
    ]


def test_a_file_that_is_not_there_or_not_text(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read: No such file"):
        cfg.load(home / "absent.yaml", env={})
    (home / "dialer.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match=r"dialer\.yaml: is not UTF-8 \(byte 3\)"):
        load(home)


@given(text=st.text(alphabet="ab:-[]{}&*!|>'\"%#\n 0~\x00", max_size=60))
def test_no_text_gives_anything_but_a_configuration_or_a_config_error(text: str) -> None:
    from dialer_engine.app._config_tree import Origin, Problem, read_text

    problems: list[Problem] = []
    read_text(text, Origin("f", 1), problems)
    assert all(str(problem).startswith("f") for problem in problems)


# -- secrets ---------------------------------------------------------------------------------------


def test_no_secret_shows_itself(home: Path) -> None:
    (home / "conf.d/s.yaml").write_text(
        "store: {url: 'postgresql+psycopg://u:pa55@db/x'}\n", encoding="utf-8"
    )
    loaded = load(home)
    shown = repr(loaded) + str(loaded.config) + repr(loaded.effective())
    assert "hunter2" not in shown
    assert "pa55" not in shown
    values = {row.key: row.value for row in loaded.effective()}
    assert values["pbx.nodes[main].secret"] == "********"
    assert values["store.url"] == "postgresql+psycopg://u:********@db/x"


def test_a_secret_comes_from_a_file_of_its_own(home: Path) -> None:
    secret = home / "ami-secret"
    secret.write_text("from file\n", encoding="utf-8")
    secret.chmod(0o600)
    (home / "dialer.yaml").write_text(
        NODE.replace("secret: hunter2", f"secret_file: {secret}"), encoding="utf-8"
    )
    loaded = load(home)
    assert loaded.config.pbx.nodes[0].secret.reveal() == "from file"
    assert loaded.origins["pbx.nodes[main].secret"].name == f"{home}/dialer.yaml:6 -> {secret}"
    assert loaded.warnings == ()
    secret.chmod(0o644)
    assert load(home).warnings == (f"{secret} can be read by everybody: chmod 600 {secret}",)


def test_of_secret_and_secret_file_the_higher_layer_wins(home: Path) -> None:
    secret = home / "ami-secret"
    secret.write_text("from file", encoding="utf-8")
    by_file = load(home, f"pbx.nodes[main].secret_file={secret}").config.pbx.nodes[0].secret
    (home / "dialer.yaml").write_text(
        NODE.replace("secret: hunter2", f"secret_file: {secret}"), encoding="utf-8"
    )
    by_env = load(home, DIALER_PBX__NODES__0__SECRET="from env").config.pbx.nodes[0].secret
    assert (by_file.reveal(), by_env.reveal()) == ("from file", "from env")


def test_secret_files_that_cannot_be(home: Path) -> None:
    both = NODE.replace("secret: hunter2", "secret: a\n      secret_file: /b")
    assert complaints(home, both) == [
        "dialer.yaml:7: pbx.nodes[main].secret_file: and secret are both given: keep one"
    ]
    assert complaints(home, NODE.replace("secret: hunter2", "secret_file: /nowhere")) == [
        "dialer.yaml:6: pbx.nodes[main].secret_file: /nowhere cannot be read: No such file or directory"
    ]


# -- reload ----------------------------------------------------------------------------------------


def test_equal_configurations_do_not_differ(home: Path) -> None:
    assert cfg.diff(load(home).config, load(home).config) == []


def test_a_reload_says_what_changes_and_what_waits_for_a_restart(home: Path) -> None:
    old = load(home).config
    new = load(
        home, "trunks[carrier-a].max_cps=9", "pacing.tick_s=0.5", "pbx.nodes[main].secret=other"
    ).config
    assert cfg.diff(old, new) == [
        cfg.Change("pbx.nodes[main].secret", "********", "********", live=True),
        cfg.Change("trunks[carrier-a].max_cps", "5", "9", live=True),
        cfg.Change("pacing.tick_s", "0.25", "0.5", live=False),
    ]


def test_trunks_come_and_go_live_and_nodes_do_not(home: Path) -> None:
    old = load(home).config
    extra = "[{name: carrier-b, node: second, dial: 'PJSIP/{number}@b'}]"
    nodes = "[{name: second, host: h, username: u, secret: s}]"
    new = load(home, f"trunks={extra}", f"pbx.nodes={nodes}").config
    assert cfg.diff(old, new) == [
        cfg.Change("pbx.nodes[main]", "present", "", live=False),
        cfg.Change("pbx.nodes[second]", "", "present", live=False),
        cfg.Change("trunks[carrier-a]", "present", "", live=True),
        cfg.Change("trunks[carrier-b]", "", "present", live=True),
    ]
    assert [c.key for c in cfg.diff(cfg.Config(), old)] == ["pbx.nodes[main]", "trunks[carrier-a]"]


# -- the reference ---------------------------------------------------------------------------------


def without_comment_marks(text: str) -> str:
    """The shipped file with its examples switched on."""
    text = re.sub(r"^(\s*)#(- |  )", r"\1\2", text, flags=re.MULTILINE)
    return re.sub(r"(nodes|trunks|tokens): \[\]$", r"\1:", text, flags=re.MULTILINE)


def keys_of(tree: object, key: str = "") -> set[str]:
    if isinstance(tree, dict) and not key.endswith(("dispositions", "words")):
        return set().union(*(keys_of(v, f"{key}.{k}" if key else str(k)) for k, v in tree.items()))
    if isinstance(tree, list) and tree and isinstance(tree[0], dict):
        return keys_of(tree[0], f"{key}[]")
    return {key}


def test_the_shipped_file_is_made_from_the_schema() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == cfg.reference()


def test_the_shipped_file_is_nothing_but_the_defaults() -> None:
    loaded = cfg.load(SHIPPED, env={})
    assert loaded.config == cfg.Config()
    given_there = {row.key for row in loaded.effective() if row.origin != "default"}
    plain = {key for key, _, _ in all_keys(cfg.Config) if "[]" not in key}
    assert given_there >= plain


def test_the_shipped_examples_have_every_key_at_its_default(tmp_path: Path) -> None:
    text = without_comment_marks(SHIPPED.read_text(encoding="utf-8"))
    assert keys_of(yaml.safe_load(text)) == {key for key, _, _ in all_keys(cfg.Config)}
    (tmp_path / "dialer.yaml").write_text(text, encoding="utf-8")
    config = load(tmp_path).config
    [node], [trunk] = config.pbx.nodes, config.trunks
    assert node == cfg.PbxNode(
        name=node.name, host=node.host, username=node.username, secret=node.secret
    )
    assert trunk == cfg.TrunkOptions(name=trunk.name, node=node.name, dial=trunk.dial)


def test_every_key_is_explained_in_both_languages() -> None:
    for key, field, _ in all_keys(cfg.Config):
        about = field.metadata["dialer"]
        assert len(about.en) > 5 or about.en == "asterisk.", key
        assert about.zh, key


def test_secrets_have_a_file_key() -> None:
    assert "secret_file" in known_keys(cfg.PbxNode)
    assert "url_file" in known_keys(cfg.Store)
    assert "host_file" not in known_keys(cfg.PbxNode)
