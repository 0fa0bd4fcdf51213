"""What runs over the steps of a window: a standard LSTM, or one whose steps are all taken at once.

The gates of a minLSTM (Feng et al. 2024, "Were RNNs all we needed?", section 3.2) see the input
alone, not the state, so that every matrix product is done for all steps in one, in INT8 like any
convolution, and h_t = keep_t * h_(t-1) + write_t is left. Such a recurrence is a prefix scan
(Hillis & Steele 1986): after k rounds every step knows what 2^k steps before it made. Fifty steps
take six rounds of products and sums. All factors lie between 0 and 1, so that nothing overflows
and nothing cancels, in half precision too; sums of logarithms (the paper's appendix B) would.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from models.frontend import unmoved

WIDEST = 8.0  # of what goes into a gate: its sigmoid, 0.0003, divides well in half precision too
Recurrence = Callable[[int, int, int], nn.Module]  # features in, features out, steps


class StandardLstm(nn.Module):
    """Hochreiter & Schmidhuber's, one layer: (batch, feature, step) -> (batch, hidden, step)."""

    def __init__(self, features: int, hidden: int, steps: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True)

    def forward(self, values: Tensor) -> Tensor:
        hidden: Tensor = self.lstm(values.transpose(1, 2))[0]
        return hidden.transpose(1, 2)


class ParallelLstm(nn.Module):
    """Two layers of minLSTM, the first forwards in time, the second back: after both, every step
    has seen the whole window. (batch, feature, step) -> (batch, hidden, step).
    """

    def __init__(self, features: int, hidden: int, steps: int) -> None:
        super().__init__()
        self.there = MinLstm(features, hidden, steps)
        self.back = MinLstm(hidden, hidden, steps, backward=True)

    def forward(self, values: Tensor) -> Tensor:
        hidden: Tensor = self.back(unmoved(self.there(values)))
        return hidden


class MinLstm(nn.Module):
    """One layer, in one direction: (batch, feature, step) -> (batch, hidden, step).

    Gates start so that memories last from one step to all of them, evenly in logarithm (Tallec &
    Ollivier 2018, "Can recurrent neural networks warp time?").
    """

    def __init__(self, features: int, hidden: int, steps: int, *, backward: bool = False) -> None:
        super().__init__()
        self.hidden = hidden
        self.backward = backward
        self.gates = nn.Conv1d(features, 3 * hidden, 1)
        lasting = torch.from_numpy(np.linspace(0.0, np.log(steps), hidden, dtype=np.float32))
        with torch.no_grad():
            assert self.gates.bias is not None
            self.gates.bias[:hidden] = lasting
            self.gates.bias[hidden : 2 * hidden] = -lasting

    def forward(self, values: Tensor) -> Tensor:
        gates, candidate = self.gates(values).split((2 * self.hidden, self.hidden), dim=1)
        opened = torch.sigmoid(gates.clamp(-WIDEST, WIDEST))
        forget, take = opened.chunk(2, dim=1)
        keep = forget / (forget + take)
        return scan(keep, (1.0 - keep) * candidate, backward=self.backward)


def scan(keep: Tensor, write: Tensor, *, backward: bool = False) -> Tensor:
    """h_t = keep_t * h_(t-1) + write_t along the last axis, from h = 0 on; backward from its end.

    As many rounds as the number of steps has binary digits. Of `keep` only what a later round
    needs is calculated: from step `reach` on.
    """
    steps = write.shape[-1]
    state, reach = write, 1
    factor = keep[..., :-1] if backward else keep[..., 1:]
    while reach < steps:
        if backward:
            moved = state[..., :-reach] + factor * state[..., reach:]
            state = torch.cat([moved, state[..., -reach:]], dim=-1)
        else:
            moved = state[..., reach:] + factor * state[..., :-reach]
            state = torch.cat([state[..., :reach], moved], dim=-1)
        if 2 * reach < steps:
            factor = factor[..., reach:] * factor[..., :-reach]
        reach *= 2
    return state


RECURRENCES: Mapping[str, Recurrence] = MappingProxyType(
    {"parallel": ParallelLstm, "lstm": StandardLstm}
)
