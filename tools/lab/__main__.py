"""`python -m tools.lab up`: the laboratory in the foreground, for a person."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from tools.lab.errors import LabError
from tools.lab.lab import DEFAULT_MIX, Lab

WATCH_S = 0.5


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    overrides = {"time_scale": args.time_scale} if args.time_scale else {}
    try:
        lab = Lab(args.run_dir, agents=args.agents, mix=args.mix, overrides=overrides)
        with lab:
            _describe(lab)
            return _watch(lab)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.lab", description=__doc__)
    commands = parser.add_subparsers(required=True)
    up = commands.add_parser("up", help="start PBX and world, and stay until Ctrl-C")
    up.add_argument("--agents", type=int, default=12, help="number of agents' phones (default 12)")
    up.add_argument("--mix", type=Path, default=DEFAULT_MIX, help="what people do (mix.yaml)")
    up.add_argument("--time-scale", type=float, help="divide ring and talk times by this")
    up.add_argument("--run-dir", type=Path, help="folder to use and keep (default: temporary)")
    return parser


def _describe(lab: Lab) -> None:
    phones = f"{lab.phones[0]} … {lab.phones[-1]}" if lab.phones else "none"
    config = lab.site.etc("pbx") / "asterisk.conf"
    for line in (
        f"PBX     {lab.backend.label}, AMI {lab.ami_host}:{lab.ami_port}",
        f"        user {lab.ami_user}, secret {lab.ami_secret}",
        f"World   AMI {lab.world_ami_host}:{lab.world_ami_port}",
        f"        user {lab.world_ami_user}, secret {lab.world_ami_secret}",
        f"Trunks  {', '.join(lab.trunks)}: dial PJSIP/<number>@<trunk>",
        f"Phones  {phones}; login extension 77",
        f"Records {lab.recordings_dir}",
        f"Config  {config}",
        "Ctrl-C ends it.",
    ):
        print(line, flush=True)


def _watch(lab: Lab) -> int:
    while True:
        for node in ("pbx", "world"):
            if not lab.alive(node):
                print(f"lab: the {node} Asterisk has ended.\n{lab.last_log(node)}", file=sys.stderr)
                return 1
        time.sleep(WATCH_S)


if __name__ == "__main__":
    sys.exit(main())
