"""Naming, verification, hash chain and disk room of recordings.

The corridor of a recording: `naming` says where the PBX writes (`path_for`), `library` waits until
it has finished, `audio` turns the raw stereo into a WAV and measures both channels, `verify` judges
what was measured against the call, `manifest` seals the WAV into the hash chain, and only then the
raw file is removed.

Limits, also said where they bite (`library.LibraryConfig`): the daemon reads the files itself, so
with a PBX on another machine `recordings_dir` is a mount that both share; one daemon's clock and
the file server's may differ by at most `settle_s`.
"""
