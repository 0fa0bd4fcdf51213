"""Order tracking with a known speed: of waves, and inside the shipped vibration network."""

import torch
from torch import Tensor, nn

from models.frontend import unmoved
from models.vibration import VibrationNetwork

FINE = 8  # times as many samples while a wave is stretched: linear between them errs by 1.4 %


class TrackedNetwork(VibrationNetwork):
    """The shipped network, its envelopes and displacements over turns instead of time.

    float32 (batch, axis and one more, sample): the last row holds the part's speed as a multiple
    of `SLOWEST_RPM`, the same number throughout.
    """

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        faster = samples[:, -1, 0]
        waves = samples[:, :-1]
        ringing = self.level(self.ringing(waves))
        blows = self.blows(stretched(self.mix(ringing), faster))
        level = nn.functional.avg_pool1d(ringing, 8)
        swing = self.swing(stretched(self.slow(waves), faster))
        steps = self.join(unmoved(torch.cat([blows, level, swing], dim=1)))
        logits, activation, embedding = self.head(self.recurrence(steps))
        return logits, activation, embedding


def stretched(values: Tensor, faster: Tensor) -> Tensor:
    """(batch, channel, step), each as if it ran `faster` (batch,) times slower; cut to its length.

    Linear between steps. Raises nothing: a factor below one would need what lies behind the end,
    and takes the last step for it.
    """
    last = values.shape[-1] - 1
    at = torch.arange(last + 1, device=values.device) / faster[:, None, None]
    below = at.floor().clamp(0, last - 1)
    share = (at - below).clamp(0.0, 1.0)
    index = below.long().expand(values.shape)
    return values.gather(-1, index) * (1.0 - share) + values.gather(-1, index + 1) * share


def tracked(waves: Tensor, faster: Tensor) -> Tensor:
    """(batch, axis, sample) so that a turn has as many samples as at `SLOWEST_RPM`.

    Interpolated by zeros behind the spectrum, so that what rings high is not smeared.
    """
    length = waves.shape[-1]
    spectrum = torch.fft.rfft(waves.float())
    fine = torch.fft.irfft(spectrum, n=FINE * length) * FINE
    at = torch.arange(length, device=waves.device) * FINE / faster[:, None, None]
    below = at.floor().clamp(0, FINE * length - 2)
    index = below.long().expand(waves.shape)
    share = at - below
    moved: Tensor = fine.gather(-1, index) * (1.0 - share) + fine.gather(-1, index + 1) * share
    return moved
