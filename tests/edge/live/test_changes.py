"""Bundles change between two parts; each part is judged by the one it began with, all of it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from edge.errors import BundleError
from edge.live.record import changes
from edge.metrics import Metrics
from edge.statefile import NAME, open_to_read
from edge.store.state import Place

from .cell import MS, PLACE, Cell, Shop, cell


def assert_judged_by(shop: Shop, box: Cell, said: dict[str, Any], version: str) -> None:
    """The verdict names it, and it was its network that answered: onnx's reference says so too."""
    assert (said["bundle"], said["bundle_version"]) == ("felt", version)
    assert said["bundle_sha256"] == shop.store.ref("felt", version, shop.trusted).sha256
    logits = shop.logits(version, box.felt[said["sequence"]])
    weights = np.exp(logits) / np.array([0.4, 0.3, 0.3])  # the passport's priors, divided out
    expected = weights / weights.sum()
    shares = list(said["sensors"]["vib"]["probabilities"].values())
    assert shares == pytest.approx(expected.tolist(), abs=1e-3)


async def test_a_part_keeps_the_bundle_of_its_trigger_and_the_next_one_has_the_new(
    shop: Shop,
) -> None:
    async with cell(shop, shop.line()) as box:
        assert_judged_by(shop, box, await box.judge(1), "1.0.0")
        now_ns = time.monotonic_ns()
        await box.open(2, now_ns + 3_000 * MS)  # the part is there after the change
        shop.promote("1.1.0")
        await box.changes.look()
        await box.open(3, now_ns + 3_080 * MS)
        assert time.monotonic_ns() < now_ns + 3_000 * MS
        for sequence in (2, 3):
            await box.over(sequence)
            box.feel(sequence)
        assert_judged_by(shop, box, await box.verdict(), "1.0.0")
        assert_judged_by(shop, box, await box.verdict(), "1.1.0")
        shop.store.rollback([PLACE], shop.trusted)
        await box.changes.look()
        await box.open(4, now_ns + 6_000 * MS)
        await box.over(4)
        box.feel(4)
        assert_judged_by(shop, box, await box.verdict(), "1.0.0")


async def test_it_notices_by_itself_what_a_command_wrote(shop: Shop) -> None:
    async with cell(shop, shop.line()) as box:
        shop.promote("1.1.0")
        await box.until(lambda: box.post.active.manifest.version == "1.1.0")
        assert_judged_by(shop, box, await box.judge(1), "1.1.0")


async def test_networks_go_when_no_part_needs_them(shop: Shop) -> None:
    old = shop.state.active.sha256
    async with cell(shop, shop.line(probation={"parts": 0})) as box:
        await box.open(1, time.monotonic_ns() + 3_000 * MS)
        await box.changes.prepare(shop.store.ref("felt", "1.1.0", shop.trusted), [PLACE])
        shop.promote("1.1.0")
        await box.changes.look()
        await box.changes.look()
        assert old in box.engine.loaded.held  # part 1 is to be judged by it
        await box.over(1)
        box.feel(1)
        assert_judged_by(shop, box, await box.verdict(), "1.0.0")
        await box.until(lambda: old not in box.engine.loaded.held)
        assert box.engine.loaded.names.keys() == {"felt 1.1.0 vibration"}
        shop.install("1.2.0", seed=3)
        shop.promote("1.2.0")
        await box.changes.look()
        await box.until(lambda: box.engine.loaded.names.keys() == {"felt 1.2.0 vibration"})


@pytest.mark.parametrize(
    ("made", "why"),
    [({"off": 2.0}, "misses the golden logits"), ({"length": 32}, "takes another input")],
)
async def test_what_does_not_prove_itself_is_refused_and_changes_nothing(
    shop: Shop, made: dict[str, Any], why: str
) -> None:
    bad = shop.install("1.2.0", seed=3, **made)
    async with cell(shop, shop.line()) as box:
        held, before = box.engine.loaded.held, shop.state
        with pytest.raises(BundleError, match=why):
            await box.changes.prepare(bad, [PLACE])
        assert (box.engine.loaded.held, shop.state) == (held, before)
        assert_judged_by(shop, box, await box.judge(1), "1.0.0")
        with pytest.raises(BundleError, match="does not take its bundle from the store there"):
            await box.changes.prepare(before.active, [Place("st2", "*")])


async def test_what_was_promoted_unasked_and_cannot_judge_is_rolled_back(shop: Shop) -> None:
    shop.install("1.2.0", seed=3, off=2.0)
    async with cell(shop, shop.line()) as box:
        shop.promote("1.2.0")  # by a command that did not ask the daemon
        await box.changes.look()
        assert "misses the golden logits" in box.post.refused
        assert shop.state.active.version == "1.0.0"
        assert shop.state.by == "fault"
        assert_judged_by(shop, box, await box.judge(1), "1.0.0")
        shop.promote("1.1.0")
        await box.changes.look()
        assert box.post.refused == ""
        assert_judged_by(shop, box, await box.judge(2), "1.1.0")


async def test_a_shadow_judges_every_part_too_and_publishes_nothing(shop: Shop) -> None:
    async with cell(shop, shop.line()) as box:
        shop.shadow("1.1.0")
        await box.changes.look()
        for sequence in range(1, 6):
            assert_judged_by(shop, box, await box.judge(sequence), "1.0.0")
        tally = box.post.tally
        assert tally is not None
        await box.until(lambda: tally.parts == 5)
        assert sum(tally.outcomes.values()) == 5
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await box.feed.next()
        await box.changes.look()
    # a start later it goes on counting; a shadow that begins anew does not
    async with cell(shop, shop.line()) as box:
        await box.until(lambda: box.post.tally is not None and box.post.tally.parts == 5)
        shop.store.change(PLACE, lambda before: before.model_copy(update={"shadow": None}))
        await box.changes.look()
        assert box.post.tally is None
        shop.shadow("1.1.0")
        await box.changes.look()
        assert box.post.tally is not None
        assert box.post.tally.parts == 0


async def test_a_shadow_that_agrees_for_long_enough_is_promoted(shop: Shop) -> None:
    twin = shop.install("1.2.0", seed=1)  # the active one's network
    rule = {"parts": 4, "agreement": 1.0, "p99_ms": 1000}
    async with cell(shop, shop.line(promote_after=rule)) as box:
        shop.shadow("1.2.0")
        await box.changes.look()
        for sequence in range(1, 5):
            said = await box.judge(sequence)
            assert said["bundle_version"] == "1.0.0"
        await box.until(lambda: box.post.active.sha256 == twin.sha256)
        assert_judged_by(shop, box, await box.judge(5), "1.2.0")
        assert (shop.state.active, shop.state.by, shop.state.shadow) == (twin, "rule", None)
        assert "agreement 100.00% over 4 parts" in shop.state.why


async def test_a_promoted_bundle_that_fails_goes_before_the_next_part(shop: Shop) -> None:
    metrics = Metrics()
    async with cell(shop, shop.line(probation={"failures": 1}), metrics) as box:
        shop.promote("1.1.0")
        await box.changes.look()
        assert_judged_by(shop, box, await box.judge(1), "1.1.0")
        box.broken.add("1.1.0")
        for sequence in (2, 3):
            said = await box.judge(sequence)
            assert said["bundle_version"] == "1.1.0"
            assert said["sensors"]["vib"]["status"] == "failed"
        assert_judged_by(shop, box, await box.judge(4), "1.0.0")
        await box.until(lambda: shop.state.active.version == "1.0.0")
        assert (shop.state.by, shop.state.proving) == ("fault", False)
        assert "failed on 2 of its first 3 parts" in shop.state.why
        await box.until(lambda: len(box.engine.loaded.held) == 1)
        labels = {"station": "st1", "recipe": "*", "what": "active", "by": "fault"}
        assert metrics.registry.get_sample_value("edge_bundle_changes_total", labels) == 1
        shown = labels | {"role": "active", "bundle": "felt", "version": "1.0.0"}
        del shown["what"], shown["by"]
        assert metrics.registry.get_sample_value("edge_bundle", shown) == 1
    with closing(open_to_read(shop.folder / "state" / NAME)) as connection:
        found = [(one.what, one.bundle, one.instead_of, one.by) for one in changes(connection, 9)]
    assert ("active", "felt 1.0.0", "felt 1.1.0", "fault") in found
    assert ("active", "felt 1.1.0", "felt 1.0.0", "command") in found


async def test_probation_ends_and_the_old_networks_with_it(shop: Shop) -> None:
    async with cell(shop, shop.line(probation={"parts": 3})) as box:
        shop.promote("1.1.0")
        await box.changes.look()
        assert len(box.engine.loaded.held) == 2
        for sequence in (1, 2, 3):
            await box.judge(sequence)
        await box.until(lambda: len(box.engine.loaded.held) == 1)
        assert not shop.state.proving
        assert shop.state.previous is not None  # a command may still return to it


async def test_probation_goes_on_after_a_restart(shop: Shop) -> None:
    async with cell(shop, shop.line(probation={"failures": 0})) as box:
        shop.promote("1.1.0")
        await box.changes.look()
    async with cell(shop, shop.line(probation={"failures": 0})) as box:
        await box.until(lambda: box.post.probation is not None)
        box.broken.add("1.1.0")
        assert (await box.judge(1))["bundle_version"] == "1.1.0"
        assert_judged_by(shop, box, await box.judge(2), "1.0.0")
        await box.until(lambda: shop.state.active.version == "1.0.0")


async def test_what_is_tried_when_the_engine_hangs_is_withdrawn(shop: Shop) -> None:
    twin = shop.install("1.2.0", seed=1)
    async with cell(shop, shop.line()) as box:
        shop.promote("1.1.0")
        shop.shadow("1.2.0")
        await box.changes.look()
        assert box.post.shadow is not None
        assert box.post.shadow.sha256 == twin.sha256
        await box.live.hung()
        assert (shop.state.active.version, shop.state.shadow) == ("1.0.0", None)


async def test_a_shadow_begins_nothing_while_a_part_is_near_its_end(shop: Shop) -> None:
    async with cell(shop, shop.line()) as box:
        shop.shadow("1.1.0")
        await box.changes.look()
        begun_ns: list[int] = []
        behind = box.engine.behind
        box.engine.behind = lambda *of: begun_ns.append(time.monotonic_ns()) or behind(*of)
        now_ns = time.monotonic_ns()
        await box.open(1, now_ns - 70 * MS)
        await box.open(2, now_ns - 50 * MS)  # its window ends in 14 ms, and never is whole
        box.feel(1)
        assert [(await box.verdict())["sequence"] for _ in range(2)] == [1, 2]
        await box.until(lambda: len(begun_ns) == 2)  # its network, and the opinion
        assert begun_ns[0] > now_ns + 900 * MS  # part 2 was waited for, to its deadline of 1 s


async def test_parts_for_which_a_shadow_has_no_time_are_left_out_and_counted(shop: Shop) -> None:
    metrics = Metrics()
    async with cell(shop, shop.line(), metrics) as box:
        shop.shadow("1.1.0")
        await box.changes.look()
        await box.open(99, time.monotonic_ns() + 1_000 * MS)  # until then there is time
        for sequence in range(1, 13):
            await box.open(sequence)
        box.engine.behind = lambda *_: asyncio.get_running_loop().create_future()  # none ever ends
        for sequence in range(1, 13):
            box.feel(sequence)
        await box.over(99)
        box.feel(99)
        said = {(await box.verdict())["sequence"] for _ in range(13)}
        assert said == {99, *range(1, 13)}
        labels = {"station": "st1", "recipe": "*", "outcome": "skipped"}
        await box.until(  # 8 wait, and one is at work, unless it had not begun when the last came
            lambda: metrics.registry.get_sample_value("edge_shadow_parts_total", labels) in {4, 5}
        )


async def test_comparisons_are_in_the_state_file(shop: Shop) -> None:
    async with cell(shop, shop.line()) as box:
        shop.shadow("1.1.0")
        await box.changes.look()
        published = [await box.judge(n) for n in (1, 2)]
        tally = box.post.tally
        assert tally is not None
        await box.until(lambda: tally.parts == 2)
        await box.changes.look()
    with closing(sqlite3.connect(shop.folder / "state" / NAME)) as connection:
        rows = connection.execute("SELECT id, published FROM shadow ORDER BY number").fetchall()
    expected = [(one["id"], f"{one['decision']} {one['defect']}".strip()) for one in published]
    assert rows == expected
