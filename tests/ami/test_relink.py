"""A node whose configuration was corrected gets a new link at once."""

from __future__ import annotations

from dataclasses import replace

from dialer_engine.ami import LinkState
from dialer_engine.ami.node import AsteriskNode
from dialer_engine.domain import events as ev
from dialer_engine.domain.units import Moment
from tests.ami.conftest import QUICK, until
from tests.ami.misbehaving import Misbehaving, Pbx, event

# Longer than any test: the second try of a refused link.
PATIENT = replace(QUICK, refused_retry=600.0)


async def booted(pbx: Pbx) -> None:
    await pbx.let_in()
    await pbx.send(event("FullyBooted"))
    await pbx.serve()


async def test_a_corrected_secret_is_tried_at_once() -> None:
    heard: list[ev.PbxEvent] = []

    def sink(event: ev.PbxEvent, at: Moment) -> None:
        heard.append(event)

    async with Misbehaving(booted) as server:
        wrong = replace(PATIENT, port=server.port, secret="wrong")
        node = AsteriskNode(wrong, {}, agent_dial="PJSIP/{phone}")
        await node.start(sink)
        try:
            await until(lambda: node.link.status.state is LinkState.REFUSED)
            assert await node.relink(replace(wrong, secret=QUICK.secret))
            await until(lambda: any(isinstance(one, ev.NodeUp) for one in heard))
            assert node.health().connected
        finally:
            await node.stop()


async def test_a_link_that_is_up_is_moved_and_told() -> None:
    heard: list[ev.PbxEvent] = []

    def sink(event: ev.PbxEvent, at: Moment) -> None:
        heard.append(event)

    async with Misbehaving(booted) as old, Misbehaving(booted) as new:
        node = AsteriskNode(replace(PATIENT, port=old.port), {}, agent_dial="PJSIP/{phone}")
        await node.start(sink)
        try:
            await until(lambda: node.health().connected)
            assert await node.relink(replace(PATIENT, port=new.port))
            assert not node.health().connected
            await until(lambda: node.health().connected)
        finally:
            await node.stop()
        kinds = [type(one) for one in heard if isinstance(one, ev.NodeUp | ev.NodeDown)]
        assert kinds == [ev.NodeUp, ev.NodeDown, ev.NodeUp]
        assert (old.connections, new.connections) == (1, 1)


async def test_the_same_configuration_changes_nothing() -> None:
    async with Misbehaving(booted) as server:
        config = replace(PATIENT, port=server.port)
        node = AsteriskNode(config, {}, agent_dial="PJSIP/{phone}")
        await node.start(lambda event, at: None)
        try:
            await until(lambda: node.health().connected)
            assert not await node.relink(replace(config))
            assert node.health().connected
        finally:
            await node.stop()
        assert server.connections == 1
