"""The motor's networks at a motor that was commissioned: what `edge commission` gains there.

A motor under the other load is commissioned by its healthy recordings at the other speeds: two of
three, so that the healthy one that is judged has no share in its own baseline.
"""

from collections.abc import Sequence

import numpy as np
import torch

from edge.judge import Judged
from models.study.recordings import adi, commissioned
from models.study.recordings.commissioned import SENSOR, Recording
from models.study.recordings.figures import Figure, Labels, accuracy, two_rates
from models.study.recordings.motors import HEALTHY, RATE_HZ, Motor
from models.study.recordings.order_network import OrderNetwork
from models.study.recordings.orders import HOP, REVOLUTIONS

WORDS = {False: "as taught", True: "commissioned by the appliance"}


def figures(
    study: str, motors: list[Motor], learnt_lb: int, judged_lb: int, seeds: int
) -> list[Figure]:
    """Families, conditions, and healthy or not: without and with a baseline."""
    split = f"{learnt_lb} lb -> {judged_lb} lb"
    lesson = adi.Lesson()
    known, asked = ([m for m in motors if m.load_lb == load] for load in (learnt_lb, judged_lb))
    taught = [adi.teach(known, seed, lesson) for seed in range(seeds)]
    networks, conditions = [network for network, _ in taught], taught[0][1]
    normal = [_recording(m, networks, lesson) for m in known if m.condition == HEALTHY]
    bundle = commissioned.bundle(conditions, HEALTHY, _weights(networks), normal)
    recorded = [_recording(motor, networks, lesson) for motor in asked]
    found = []
    for is_commissioned in (False, True):
        said = [
            commissioned.judged(
                one, bundle, _good(asked, recorded, motor) if is_commissioned else []
            )
            for motor, one in zip(asked, recorded, strict=True)
        ]
        what = f"{seeds} order networks as one, {WORDS[is_commissioned]}"
        by = _good(asked, recorded, None) if is_commissioned else []
        note = f"shift {commissioned.moved(bundle, by):.1f}" if by else ""
        found += _counted(study, what, asked, said, split, note)
    return found


def _good(asked: list[Motor], recorded: list[Recording], one: Motor | None) -> list[Recording]:
    return [
        other
        for motor, other in zip(asked, recorded, strict=True)
        if motor.condition == HEALTHY and (one is None or motor.rpm != one.rpm)
    ]


@torch.no_grad()
def _recording(motor: Motor, networks: Sequence[OrderNetwork], lesson: adi.Lesson) -> Recording:
    """Networks as one: the mean of their logits, all their features."""
    places = range(max(1, len(motor.readings) - lesson.blocks + 1))
    read = torch.from_numpy(motor.readings).float()
    shown = torch.stack([read[s : s + lesson.blocks] for s in places])
    answers = [network(shown) for network in networks]
    turn = RATE_HZ * 60.0 / motor.rpm
    length = round((REVOLUTIONS + HOP * (lesson.blocks - 1)) * turn)
    starts = [round(HOP * place * turn) for place in places]
    return commissioned.recording(
        f"{motor.condition} {motor.rpm:g}/min",
        [motor.volts[start : start + length].T for start in starts],
        torch.stack([logits for logits, _ in answers]).mean(dim=0).double().numpy(),
        torch.cat([embedding for _, embedding in answers], dim=1).double().numpy(),
        RATE_HZ,
    )


def _counted(
    study: str, what: str, asked: list[Motor], said: list[Judged], split: str, note: str
) -> list[Figure]:
    groups = np.array([one.condition for one in asked])
    shares = [one.reports[SENSOR.id].probabilities for one in said]
    families = {one.condition: one.family for one in asked}
    by_family = [
        {f: sum(v for c, v in share.items() if families[c] == f) for f in families.values()}
        for share in shares
    ]
    found = []
    for task, truth, each in (
        ("7 families", np.array([one.family for one in asked]), by_family),
        ("13 conditions", groups, shares),
    ):
        named: Labels = np.array([max(one, key=lambda name: one[name]) for one in each])
        found.append(accuracy(study, f"{task}: {what}", truth, named, groups, split))
    right = {
        is_faulty: [
            commissioned.is_right(one, is_faulty)
            for motor, one in zip(asked, said, strict=True)
            if (motor.condition != HEALTHY) == is_faulty
        ]
        for is_faulty in (True, False)
    }
    bad, good = ((sum(one), len(one)) for one in (right[True], right[False]))
    passing = sum(
        commissioned.passes(s) for m, s in zip(asked, said, strict=True) if m.condition != HEALTHY
    )
    note = "; ".join(filter(None, (note, f"{passing} defective pass")))
    found.append(
        two_rates(study, f"healthy or not: {what}", bad, good, len(set(groups)), split, note=note)
    )
    return found


def _weights(networks: Sequence[OrderNetwork]) -> bytes:
    return b"".join(
        tensor.numpy().tobytes() for one in networks for tensor in one.state_dict().values()
    )
