"""The studies' means, against closed forms and signals made for the purpose: no recordings."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from models.study.recordings import (  # noqa: E402
    composed,
    engine,
    evidence,
    figures,
    order_network,
    orders,
    tile_pictures,
)
from models.study.recordings.irregularity import Idle, idle  # noqa: E402
from models.study.recordings.plain import discriminant  # noqa: E402
from models.study.recordings.tile_lesson import located  # noqa: E402
from models.study.recordings.tile_network import TileNetwork  # noqa: E402

pytestmark = pytest.mark.workshop

RATE_HZ = 20_000.0
OUTER = 3.05


def test_auroc_counts_pairs() -> None:
    """Mann & Whitney: of 2 x 3 pairs, four are in order and one is a tie."""
    is_defective = np.array([True, True, False, False, False])
    score = np.array([3.0, 1.0, 0.0, 1.0, 2.0])
    assert figures.auroc(is_defective, score) == pytest.approx(4.5 / 6.0)


def test_balanced_accuracy_weighs_every_class_alike() -> None:
    truth = np.array(["a"] * 9 + ["b"])
    assert figures.balanced_accuracy(truth, np.array(["a"] * 10)) == 0.5


def test_an_interval_by_groups_is_wider_than_one_by_rows() -> None:
    """Four machines, each all right or all wrong: 80 rows are four answers."""
    truth = np.repeat("a", 80)
    said = np.where(np.arange(80) < 40, "a", "b")
    machine = np.repeat(["1", "2", "3", "4"], 20)
    row = np.arange(80).astype(str)

    def right(rows: np.ndarray) -> float:
        return float(np.mean(truth[rows] == said[rows]))

    by_machine = figures.interval(truth, machine, right)
    by_row = figures.interval(truth, row, right)
    # binomial with p = 1/2: of 4 draws, all alike with chance 1/8; of 80, sigma is 0.056
    assert by_machine == (0.0, 1.0)
    assert by_row == (pytest.approx(0.39, abs=0.02), pytest.approx(0.61, abs=0.02))


def test_all_right_of_few_is_no_proof() -> None:
    """Clopper & Pearson of 12 of 12 at 97.5 %: (0.0125)^(1/12)."""
    figure = figures.two_rates("s", "w", (12, 12), (12, 12), 3, "")
    assert figure.value == 1.0
    assert figure.low == pytest.approx(0.0125 ** (1.0 / 12.0))


def test_discriminant_finds_the_closed_form() -> None:
    """Two classes of equal round spread: the border is midway."""
    rng = np.random.default_rng(1)
    inputs = np.concatenate([rng.normal(m, 1.0, (4_000, 2)) for m in (0.0, 2.0)])
    said = discriminant(inputs, np.repeat(["a", "b"], 4_000), 0.0)
    assert said(np.array([[0.9, 0.9], [1.1, 1.1]])).tolist() == ["a", "b"]


@pytest.mark.parametrize("rpm", [600.0, 1_800.0])
def test_blows_stand_at_their_order_whatever_the_speed(rpm: float) -> None:
    """A ring of 3.5 kHz, struck 3.05 times a revolution: the middle band's envelope shows it."""
    blocks = orders.blocks(_struck(rpm, OUTER), RATE_HZ, rpm)
    middle = blocks.spectra[:, 3 + 3, :].mean(axis=0)  # envelope of 2-5 kHz, first axis
    order = (int(middle[10:].argmax()) + 11) / orders.PER_ORDER
    assert order in {3.0, 3.1, 6.1, 9.1, 9.2}
    reading = order_network.OrderReadings()(
        torch.from_numpy(blocks.spectra).float(), torch.from_numpy(blocks.shapes).float()
    ).mean(dim=0)
    assert reading.shape == (order_network.READINGS,)
    combs = reading[24 : 24 + 9 * 11].reshape(9, 11)
    assert int(combs[3].argmax()) == 0  # outer race


def test_what_a_gain_or_an_offset_changes_no_reading_of_an_envelope() -> None:
    struck = _struck(1_200.0, OUTER)
    first, second = (orders.blocks(one, RATE_HZ, 1_200.0) for one in (struck, 5.0 * struck + 2.0))
    np.testing.assert_allclose(first.spectra[:, 3:], second.spectra[:, 3:], atol=1e-6)


def test_a_recording_without_ten_revolutions_is_refused() -> None:
    with pytest.raises(ValueError, match="hold no 10 revolutions"):
        orders.blocks(np.zeros((1_000, 3)), RATE_HZ, 600.0)


def test_the_order_network_learns_a_tiny_batch() -> None:
    torch.manual_seed(0)
    network = order_network.OrderNetwork(2, noise=0.0, drop=0.0)
    readings = torch.randn(4, 6, order_network.READINGS)
    label = torch.tensor([0, 1, 0, 1])
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(network(readings)[0], label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_an_even_engine_is_regular_and_one_that_misfires_at_random_is_not() -> None:
    even, uneven = (idle(_engine(spread), 16_000.0) for spread in (0.0, 0.8))
    assert np.median(even.cycle_hz) == pytest.approx(7.0, rel=0.02)
    assert even.irregularity.max() < 0.1
    assert uneven.irregularity.min() > 2.0 * even.irregularity.max()
    louder = idle(10.0 * _engine(0.8), 16_000.0)
    np.testing.assert_allclose(louder.irregularity, uneven.irregularity, rtol=1e-9)


def test_a_reference_undoes_what_cars_differ_by() -> None:
    """Cars at 0.1, 0.2 and 0.4, and a fault that doubles: no one limit parts them all."""
    cars = {"a": 0.1, "b": 0.2, "c": 0.4}
    rng = np.random.default_rng(3)
    readings = [
        engine._Reading(
            car, is_faulty, own * (2.0 if is_faulty else 1.0) * rng.uniform(0.97, 1.03, 5)
        )
        for car, own in cars.items()
        for is_faulty in (False, True)
        for _ in range(4)
    ]
    with_reference = engine._with_reference(readings, "x", "detector", 3)
    without = engine._without(readings, "x", "detector")
    assert with_reference.value == 1.0
    assert without.value < 0.7


def test_a_new_tile_network_sees_over_time_what_it_sees_in_each_picture() -> None:
    """Inflated from the identity, the clip's maps are the pictures' to the bit of a float."""
    torch.manual_seed(0)
    network = TileNetwork(32).eval()
    network.inflate()
    clip = (torch.rand(1, 4, 48, 64) * 255.0).to(torch.uint8)
    logits, activation = network(clip)
    each, maps = network.judge_pictures(clip[0])
    np.testing.assert_allclose(
        logits[0].detach().numpy(), each.mean(dim=0).detach().numpy(), atol=1e-5
    )
    np.testing.assert_allclose(
        activation[0].transpose(0, 1).detach().numpy(), maps.detach().numpy(), atol=1e-5
    )


def test_exposure_tells_a_tile_network_nothing() -> None:
    torch.manual_seed(0)
    network = TileNetwork(32).eval()
    picture = torch.rand(1, 48, 64) * 100.0 + 20.0
    dark, bright = (network.judge_pictures(gain * picture)[0] for gain in (1.0, 2.0))
    assert (dark - bright).abs().max().item() < 0.02


def test_a_tile_never_stands_in_two_folds() -> None:
    rng = np.random.default_rng(5)
    clips = [
        tile_pictures.Clip(f"t{place % 20}", (_picture("crack" if place % 3 else "good", rng),))
        for place in range(40)
    ]
    fold = tile_pictures.folds(clips, 4, seed=0)
    for tile in {clip.tile for clip in clips}:
        assert len({int(f) for f, c in zip(fold, clips, strict=True) if c.tile == tile}) == 1
    assert set(fold.tolist()) == {0, 1, 2, 3}


def test_a_map_that_is_hot_where_the_mask_is_locates() -> None:
    mask = np.zeros((32, 48), np.uint8)
    mask[8:16, 16:24] = 1
    heat = np.zeros((4, 6))
    heat[1, 2] = 1.0
    assert located(heat, mask) == 1.0
    assert located(-heat, mask) == 0.0
    assert np.isnan(located(heat, np.zeros((32, 48), np.uint8)))


def test_calibration_finds_the_logistic_it_was_drawn_from() -> None:
    rng = np.random.default_rng(7)
    truth = rng.random(20_000) < 0.5
    # Gaussian classes at -1 and 1 with spread 1: the log odds are 2 x
    score = np.where(truth, 1.0, -1.0) + rng.standard_normal(20_000)
    slope, offset = evidence.platt(score, truth)
    assert slope == pytest.approx(2.0, abs=0.1)
    assert offset == pytest.approx(0.0, abs=0.1)


def test_conflict_lets_no_part_pass_and_agreement_does() -> None:
    """Each 0.99 sure (odds 99) and 0.99 believed: g = 0.9801, d = 0.0099, open 0.01.

    Yager: good is (g + open)^3 - open^3 where all agree, and (g + open)^2 (d + open) - open^3
    where one of them says defective; the rest is conflict, and believes in nothing.
    """
    good, bad = np.array([-np.log(99.0)]), np.array([np.log(99.0)])
    agreed, disputed = (evidence.fused([good, one, good]).good[0] for one in (good, bad))
    assert agreed == pytest.approx(0.9901**3 - 0.01**3)
    assert disputed == pytest.approx(0.9901**2 * 0.0199 - 0.01**3)


def test_a_defect_that_one_sense_shows_escapes_the_others_and_not_the_fusion() -> None:
    """Senses that are never wrong, each defect shown by one of three: two thirds escape each."""
    state = np.repeat([False, True], 20)
    group = np.arange(40).astype(str)
    senses = [
        composed.Sense(name, np.where(state, 4.0, -4.0), state, group) for name in ("a", "b", "c")
    ]
    groups = [{side: one.groups(side) for side in (True, False)} for one in senses]
    found = composed._rates(senses, groups, "one", np.random.default_rng(0), 1_000)
    escapes, failed, called = found["fused (Yager), beliefs"]
    assert escapes == failed == called == 0.0
    escapes, failed, called = found["a alone"]
    assert escapes == pytest.approx(2 / 3, abs=0.04)
    assert failed == called == 0.0


def test_level_and_rate_of_an_idle_are_told() -> None:
    found: Idle = idle(_engine(0.0), 16_000.0)
    assert len(found.level) == len(found.cycle_hz) == len(found.irregularity)


def _struck(rpm: float, order: float) -> np.ndarray:
    """Two seconds (sample, axis) of a 3.5 kHz ring, struck so often a revolution, and noise."""
    rng = np.random.default_rng(2)
    time = np.arange(40_000) / RATE_HZ
    blows = np.zeros(40_000)
    blows[(np.arange(0.0, 2.0, 60.0 / rpm / order) * RATE_HZ).astype(int)] = 1.0
    ring = np.exp(-time[:400] * 800.0) * np.sin(2.0 * np.pi * 3_500.0 * time[:400])
    signal = np.convolve(blows, ring)[:40_000]
    return np.stack([signal] * 3, axis=1) + 0.01 * rng.standard_normal((40_000, 3))


def _engine(spread: float) -> np.ndarray:
    """24 s at 840 rpm: four blows each two revolutions, in strength varied at random or not."""
    rng = np.random.default_rng(4)
    count, per_second = 24 * 28, 16_000
    strength = 1.0 + spread * rng.uniform(-1.0, 1.0, count)
    strength[::4] *= 1.2
    sound = 0.02 * rng.standard_normal(24 * per_second)
    burst = np.exp(-np.arange(480) / 120.0)
    for place, one in zip((np.arange(count) * per_second / 28).astype(int), strength, strict=True):
        room = sound[place : place + 480]
        room += one * burst[: len(room)] * rng.standard_normal(len(room))
    return sound


def _picture(label: str, rng: np.random.Generator) -> tile_pictures.Picture:
    grey = rng.integers(0, 255, (16, 16)).astype(np.uint8)
    return tile_pictures.Picture(grey, np.zeros_like(grey), label, 1)
