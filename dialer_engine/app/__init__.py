"""Configuration, logs, systemd, wiring and the daemon: the only room that builds adapters."""
