"""The recurrence that takes all steps at once is the recurrence that takes one after the other."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from models.recurrent import RECURRENCES, WIDEST, MinLstm, ParallelLstm, scan  # noqa: E402

pytestmark = pytest.mark.workshop


def _step_by_step(keep: np.ndarray, write: np.ndarray, *, backward: bool) -> np.ndarray:
    """Feng et al. 2024, eq. of section 3.2.3, one step after the other, in double precision."""
    order = range(write.shape[-1])
    hidden, state = np.zeros_like(write), np.zeros(write.shape[:-1])
    for t in reversed(order) if backward else order:
        state = keep[..., t] * state + write[..., t]
        hidden[..., t] = state
    return hidden


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 3, 49, 50, 64, 65, 128])
def test_a_scan_is_the_loop_to_1e_5(steps: int, backward: bool) -> None:
    rng = np.random.default_rng(steps)
    keep = 1.0 / (1.0 + np.exp(-rng.normal(0.0, 4.0, (3, 5, steps))))
    write = rng.normal(0.0, 2.0, (3, 5, steps))
    found = scan(torch.from_numpy(keep).float(), torch.from_numpy(write).float(), backward=backward)
    expected = _step_by_step(keep, write, backward=backward)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_a_scan_of_memories_that_never_fade_is_a_running_sum() -> None:
    values = torch.arange(1.0, 51.0)[None, None]
    found = scan(torch.ones_like(values), values)
    torch.testing.assert_close(found, values.cumsum(-1))


def test_a_scan_of_memories_that_fade_at_once_is_what_comes_in() -> None:
    values = torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(scan(torch.zeros_like(values), values), values)


@pytest.mark.parametrize("level", [-1e4, -WIDEST, 0.0, WIDEST, 1e4])
def test_gates_wide_open_or_shut_give_numbers_in_half_precision_too(level: float) -> None:
    layer = MinLstm(4, 8, 50).half()
    with torch.no_grad():
        layer.gates.weight.zero_()
        layer.gates.bias.fill_(level)
        layer.gates.bias[16:] = 1.0  # the candidates
        found = layer(torch.zeros(1, 4, 50).half())
    assert torch.isfinite(found).all()
    assert found.max() <= 1.0 + 2e-3  # a mean of ones, and of the nothing before them


def test_memories_start_with_lengths_from_one_step_to_the_window() -> None:
    """Nothing comes in but a first step: what is left after n steps is (1 + 1/u)^-n, u their
    length in steps."""
    layer = MinLstm(1, 8, 50)
    bias = layer.gates.bias.detach()
    keep = torch.sigmoid(bias[:8]) / (torch.sigmoid(bias[:8]) + torch.sigmoid(bias[8:16]))
    lengths = keep / (1.0 - keep)
    assert lengths[0].item() == pytest.approx(1.0, rel=1e-4)
    assert lengths[-1].item() == pytest.approx(50.0, rel=1e-4)


def _reach(network: nn.Module, at: int) -> Tensor:
    """Which steps of the input change step `at` of the output: (step,)."""
    values = torch.randn(1, 6, 20, generator=torch.Generator().manual_seed(2), requires_grad=True)
    network(values)[0, :, at].sum().backward()
    assert values.grad is not None
    return values.grad[0].abs().sum(0) > 0.0


def test_one_layer_sees_what_was_and_the_two_of_the_networks_all() -> None:
    torch.manual_seed(4)
    assert _reach(MinLstm(6, 8, 20), 9).tolist() == [True] * 10 + [False] * 10
    assert _reach(MinLstm(6, 8, 20, backward=True), 9).tolist() == [False] * 9 + [True] * 11
    assert _reach(ParallelLstm(6, 8, 20), 9).all()


@pytest.mark.parametrize("name", list(RECURRENCES))
def test_every_recurrence_learns(name: str) -> None:
    """To tell whether the first of twenty steps was positive, from the mean of what is left of
    it: nothing but memory does that. A coin is right in half of 64 cases."""
    torch.manual_seed(5)
    network, judge = RECURRENCES[name](2, 16, 20), nn.Linear(16, 1)
    values = torch.randn(64, 2, 20)
    wanted = (values[:, 0, 0] > 0.0).float()
    optimiser = torch.optim.Adam([*network.parameters(), *judge.parameters()], 1e-2)
    for _ in range(150):
        said = judge(network(values)[:, :, -1])[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(said, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert ((said > 0.0).float() == wanted).float().mean() > 0.95
