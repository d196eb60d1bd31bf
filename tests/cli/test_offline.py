"""Commands that work without a daemon, on a real SQLite store and a real recording folder."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dialer_engine.domain.units import attempt_id
from dialer_engine.recordings._chain import Entry
from dialer_engine.recordings.audio import wav_header
from dialer_engine.recordings.manifest import Manifest
from tests.cli.conftest import Ran, Run

CSV = (
    "reference,name,mobile,balance\n"
    "R1,Ann,+447700900001,100.50\n"
    "R2,Bob,+447700900002,20\n"
    "R3,Cid,12,5\n"
)


@pytest.fixture
def here(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run` with a configuration of its own in tmp_path."""
    monkeypatch.delenv("DIALER_SOCKET")
    (tmp_path / "rec").mkdir()
    (tmp_path / "dialer.yaml").write_text(
        f"daemon:\n  state_dir: {tmp_path}\n  socket: {tmp_path}/api.sock\n"
        f"store:\n  url: sqlite:///{tmp_path}/dialer.db\n"
        "pbx:\n  nodes:\n    - name: main\n      host: 127.0.0.1\n      username: dialer\n"
        f"      secret: very-secret\n      recordings_dir: /rec\n      recordings_dir_local: {tmp_path}/rec\n"
    )

    def command(*arguments: str) -> Ran:
        return run("--config", str(tmp_path / "dialer.yaml"), *arguments)

    return command


@pytest.fixture
def store(here: Run) -> Run:
    assert here("db", "upgrade").code == 0
    return here


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    path.write_text(CSV)
    return path


class TestConfig:
    def test_show_masks_secrets_and_says_where_from(self, here: Run) -> None:
        ran = here("config", "show", "--set", "pacing.ratio=2.5")
        assert ran.code == 0
        assert "very-secret" not in ran.out
        rows = {line.split()[0]: line.split(None, 1)[1] for line in ran.lines}
        assert rows["pacing.ratio"].split() == ["2.5", "--set", "pacing.ratio", "yes"]
        assert "dialer.yaml:2" in rows["daemon.state_dir"]

    def test_show_some(self, here: Run) -> None:
        keys = [row["key"] for row in here("config", "show", "amd", "--json").json]
        assert keys == ["amd.enabled", "amd.unsure_is_machine"]

    def test_check(self, here: Run, tmp_path: Path) -> None:
        ran = here("config", "check", "--json")
        assert ran.json["ok"] is True
        assert ran.json["files"] == [str(tmp_path / "dialer.yaml")]
        assert "trunks is empty" in here("config", "check").err

    def test_wrong_is_exit_2_with_file_line_and_key(self, here: Run, tmp_path: Path) -> None:
        with (tmp_path / "dialer.yaml").open("a") as file:
            file.write("pacing:\n  ratoi: 2\n")
        ran = here("config", "check")
        assert ran.code == 2
        assert "dialer.yaml:15" in ran.err
        assert "ratio" in ran.err


class TestDatabase:
    def test_upgrade_then_check(self, here: Run) -> None:
        assert here("db", "check", "--json").code == 1
        before = here("db", "upgrade", "--json").json
        assert before["before"] is None
        again = here("db", "upgrade", "--json").json
        assert again == {"before": before["after"], "after": before["after"]}
        found = here("db", "check", "--json")
        assert (found.code, found.json["ok"], found.json["revision"]) == (0, True, before["after"])

    def test_without_its_master_key(self, here: Run, tmp_path: Path) -> None:
        """The schema is right, and still the daemon would not start: the upgrade and the doctor say so."""
        assert here("db", "upgrade").code == 0
        [key] = tmp_path.rglob("*.key")
        kept = key.rename(tmp_path / "kept")
        ran = here("db", "upgrade")
        assert ran.code != 0
        assert "master key of the personal data cannot be read" in ran.err
        found = {one["check"]: one for one in here("doctor", "--json").json}
        assert found["store"]["level"] == "fail"
        assert "master key" in found["store"]["advice"]
        assert not key.exists(), "a new key would open nothing"
        kept.rename(key)
        assert here("db", "upgrade").code == 0

    def test_not_reachable(self, here: Run) -> None:
        ran = here("db", "check", "--set", "store.url=postgresql://nobody@127.0.0.1:1/x")
        assert ran.code == 1
        assert ran.err.startswith("error: ")
        assert "Traceback" not in ran.err


class TestImport:
    def test_good_rows_are_in_and_bad_ones_are_told(
        self, store: Run, cases: Path, tmp_path: Path
    ) -> None:
        ran = store("import", str(cases), "--json")
        assert ran.code == 1
        told = ran.json
        assert (told["rows"], told["new"], told["rejected"]) == (3, 2, 1)
        assert Path(told["rejects"]).read_text("utf-8-sig").splitlines()[1].startswith("4,mobile,")
        assert store("import", str(cases), "--json").json["unchanged"] == 2

    def test_all_good_is_exit_0(self, store: Run, cases: Path) -> None:
        cases.write_text(CSV.rsplit("R3", 1)[0])
        ran = store("import", str(cases))
        assert (ran.code, ran.err) == (0, "")
        assert "new              2" in ran.out

    def test_mapping_region_and_reject_file(self, store: Run, tmp_path: Path) -> None:
        path, rejects = tmp_path / "odd.csv", tmp_path / "bad.csv"
        path.write_text("Key,Call on\nK1,07700 900003\nK2,nothing\n")
        told = store(
            "import", str(path), "--map", "reference=Key", "--map", "mobile=Call on",
            "--country", "GB", "--rejects", str(rejects), "--json",
        ).json  # fmt: skip
        assert (told["new"], told["rejected"], told["rejects"]) == (1, 1, str(rejects))

    def test_country_from_the_configuration(self, store: Run, tmp_path: Path) -> None:
        path = tmp_path / "gb.csv"
        path.write_text("reference,mobile\nK1,07700 900003\n")
        assert store("import", str(path), "--json").json["rejected"] == 1
        told = store("import", str(path), "--json", "--set", "compliance.default_country=GB").json
        assert told["new"] == 1

    def test_campaign_that_is_not_there(self, store: Run, cases: Path) -> None:
        assert store("import", str(cases), "--campaign", "none").code == 4

    def test_wrong_usage(self, store: Run, cases: Path) -> None:
        assert store("import", "/nowhere.csv").code == 2
        assert "--map wants FIELD=COLUMN" in store("import", str(cases), "--map", "x").err

    def test_before_the_database_is_made(self, here: Run, cases: Path) -> None:
        ran = here("import", str(cases))
        assert ran.code == 1
        assert "dialer-engine db upgrade" in ran.err


class TestExport:
    def test_masked_unless_revealed(self, store: Run, cases: Path, tmp_path: Path) -> None:
        store("import", str(cases))
        out = tmp_path / "out.csv"
        ran = store("export", "cases", "--to", str(out), "--json")
        assert (ran.code, ran.json) == (0, {"rows": 2, "file": str(out)})
        assert "900001" not in out.read_text()
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        full = ("--unmask", "--who", "Robin Poplar", "--why", "audit")
        assert store("export", "cases", "--to", str(out), *full).code == 0
        assert "+447700900001" in out.read_text()

    def test_attempts_of_a_span_as_json_lines(self, store: Run, tmp_path: Path) -> None:
        out = tmp_path / "out.jsonl"
        ran = store(
            "export", "attempts", "--to", str(out), "--since", "7d", "--until", "now", "--form",
            "jsonl", "--json",
        )  # fmt: skip
        assert ran.json["rows"] == 0
        assert out.read_text() == ""

    def test_cases_have_no_time(self, store: Run, tmp_path: Path) -> None:
        ran = store("export", "cases", "--to", str(tmp_path / "x"), "--since", "7d")
        assert ran.code == 1
        assert "are for attempts" in ran.err


def test_report_from_the_store(store: Run) -> None:
    ran = store("report", "--json")
    assert ran.code == 0
    assert ran.json["attempts"] == 0
    assert set(ran.json["answer_to_bridge_ms"]) >= {"p50", "p99"}
    assert ran.err == "no daemon answers; the figures come from the store\n"


class TestDoctor:
    def test_without_daemon(self, store: Run) -> None:
        """Examined all the same; that none runs is no fault before the first start."""
        ran = store("doctor", "--json")
        found = {row["check"]: row["level"] for row in ran.json}
        assert found["daemon"] == "warn"
        assert found.keys() >= {"configuration", "state folder", "store", "zone data", "clock"}
        assert ran.code == int("fail" in found.values())

    def test_without_database(self, here: Run) -> None:
        rows = {row["check"]: row for row in here("doctor", "--json").json}
        assert rows["store"]["level"] == "fail"
        assert rows["store"]["advice"] == "dialer-engine db upgrade"

    def test_wrong_configuration_is_a_finding(self, here: Run, tmp_path: Path) -> None:
        with (tmp_path / "dialer.yaml").open("a") as file:
            file.write("pacing:\n  ratoi: 2\n")
        rows = here("doctor", "--json").json
        assert [(row["check"], row["level"]) for row in rows] == [("configuration", "fail")]


class TestRecordings:
    SEALED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
    ATTEMPT = attempt_id(int(SEALED_AT.timestamp() * 1000), bytes(10))

    @pytest.fixture
    def sealed(self, here: Run, tmp_path: Path) -> Path:
        """One WAV with its line in the manifest."""
        import hashlib

        root = tmp_path / "rec"
        wav = root / "2026" / "11" / "21" / f"{self.ATTEMPT}.wav"
        wav.parent.mkdir(parents=True)
        wav.write_bytes(wav_header(3200) + bytes(3200))
        now = self.SEALED_AT
        digest = hashlib.sha256(wav.read_bytes()).hexdigest()
        size = wav.stat().st_size
        entry = Entry(
            self.ATTEMPT, str(wav.relative_to(root)), digest, size, 100, "verified", now.isoformat()
        )
        Manifest(root).append([entry], now.date())
        return wav

    def test_nothing_there_yet(self, here: Run) -> None:
        assert here("recordings", "list").lines == ["Recordings: none"]
        assert here("recordings", "verify", "--json").json == {
            "ok": True, "verified": 0, "failed": 0, "problems": [],
        }  # fmt: skip

    def test_list(self, here: Run, sealed: Path) -> None:
        (row,) = here("recordings", "list", "--json").json
        assert (row["attempt"], row["status"], row["duration_ms"]) == (
            self.ATTEMPT,
            "verified",
            100,
        )
        assert self.ATTEMPT in here("recordings", "list").out
        assert here("recordings", "list", "--until", "2026-11-20", "--json").json == []

    def test_verify(self, here: Run, sealed: Path) -> None:
        ran = here("recordings", "verify", "--json")
        assert (ran.code, ran.json["verified"], ran.json["failed"]) == (0, 1, 0)
        sealed.write_bytes(sealed.read_bytes()[:-1] + b"x")
        ran = here("recordings", "verify", "--json")
        assert (ran.code, ran.json["ok"], ran.json["failed"]) == (1, False, 1)
        assert ran.json["problems"][0]["kind"] == "mismatched"
        sealed.unlink()
        ran = here("recordings", "verify")
        assert ran.code == 1
        assert "missing" in ran.out

    def test_export(self, here: Run, sealed: Path, tmp_path: Path) -> None:
        to = tmp_path / "out"
        ran = here("recordings", "export", self.ATTEMPT, "--to", str(to), "--json")
        assert (ran.code, ran.json["exported"]) == (0, [self.ATTEMPT])
        assert (to / f"{self.ATTEMPT}.wav").read_bytes() == sealed.read_bytes()
        assert here("recordings", "export", self.ATTEMPT, "--to", str(to)).code == 5
        ran = here("recordings", "export", "--since", "2026-11-21", "--to", f"{to}.zip", "--json")
        assert ran.json["exported"] == [self.ATTEMPT]
        assert Path(f"{to}.zip").read_bytes()[:2] == b"PK"

    def test_export_of_what_is_not_there(self, here: Run, sealed: Path, tmp_path: Path) -> None:
        other = self.ATTEMPT[:-1] + "9"
        ran = here("recordings", "export", other, "--to", str(tmp_path / "out"), "--json")
        assert (ran.code, ran.json["unknown"]) == (1, [other])


def test_run_hands_the_configuration_to_the_daemon(
    here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialer_engine.app import daemon

    seen: list[Any] = []

    def fake_run(settings: object, reread: Any) -> int:
        seen.extend((settings, reread()))
        return 0

    monkeypatch.setattr(daemon, "run", fake_run)
    assert (
        here("run", "--socket", str(tmp_path / "other.sock"), "--set", "pacing.ratio=3").code == 0
    )
    for loaded in seen:
        assert loaded.config.daemon.socket == tmp_path / "other.sock"
        assert loaded.config.pacing.ratio == 3
    assert len(seen) == 2
    assert "very-secret" not in repr(seen)


class TestPromises:
    def test_a_promise_of_all_that_is_owed_is_in_the_report(self, store: Run, cases: Path) -> None:
        assert store("import", str(cases), "--currency", "GBP", "--country", "GB").code == 1
        ran = store("cases", "promise", "R1", "--due", "2099-12-01", "--by", "1001", "--json")
        assert ran.code == 0
        assert ran.json["amount"] == "100.50 GBP"
        assert ran.json["attempt"] is None
        told = store("report", "--json").json["promises"]
        assert (told["made"], told["open"], told["amount"]) == (1, 1, {"GBP": "100.50"})
        assert "100.50 GBP" in store("report").out

    @pytest.mark.parametrize(
        "words",
        [
            ("R9", "--due", "2099-12-01"),
            ("R1", "--due", "tomorrow"),
            ("R1", "--due", "2001-01-01"),
            ("R1", "--due", "2099-12-01", "--amount", "-5"),
            ("--due", "2099-12-01"),
        ],
    )
    def test_what_cannot_be_promised(self, store: Run, cases: Path, words: tuple[str, ...]) -> None:
        store("import", str(cases), "--currency", "GBP", "--country", "GB")
        assert store("cases", "promise", *words).code != 0

    def test_a_plain_campaign_has_no_experiments(self, store: Run) -> None:
        ran = store("strategy", "report", "nothing")
        assert ran.code != 0
        assert "nothing" in ran.err
