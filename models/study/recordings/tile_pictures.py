"""Pictures of magnet tiles with their masks, put together as clips: a tile, its exposures.

Huang et al. 2018, "Surface defect saliency of magnetic tile". `tile` and `light` (exposure step,
1 to 6) come from the manifest. Where a tile was cropped twice, a crop is a clip; both stand in one
fold. A crop of which one exposure shows a defect is a defective part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from models.study.recordings import folder as recordings

Pixels = NDArray[np.uint8]
LIGHTS = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """One exposure."""

    grey: Pixels  # (height, width)
    mask: Pixels  # (height, width), 1 where the defect is
    label: str
    light: int


@dataclass(frozen=True, slots=True)
class Clip:
    """The exposures of one crop of a tile, darkest first."""

    tile: str
    pictures: tuple[Picture, ...]

    @property
    def kind(self) -> str:
        """good, or the defect that most of its pictures show."""
        kinds = [one.label for one in self.pictures if one.label != "good"]
        return max(set(kinds), key=lambda name: (kinds.count(name), name)) if kinds else "good"

    @property
    def is_whole(self) -> bool:
        """Whether it has every exposure: then the number of frames tells nothing."""
        return {one.light for one in self.pictures} >= set(range(1, LIGHTS + 1))


def read(folder: Path) -> list[Clip]:
    """Every clip of the set.

    Raises:
        ConfigError: no such set, or a picture that cannot be read.
    """
    tiles: dict[str, list[Picture]] = {}
    for row in recordings.rows(folder, "mask", "label", "tile", "light"):
        grey, mask = (_grey(folder / row[name]) for name in ("file", "mask"))
        picture = Picture(grey, (mask > 127).astype(np.uint8), row["label"], int(row["light"]))
        tiles.setdefault(row["tile"], []).append(picture)
    return [
        Clip(tile, tuple(sorted(crop, key=lambda one: one.light)))
        for tile, pictures in tiles.items()
        for crop in _crops(pictures)
    ]


def folds(clips: Sequence[Clip], count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each clip; a tile stands in one, and each kind is spread evenly."""
    rng = np.random.default_rng(seed)
    kinds: dict[str, set[str]] = {}
    for clip in clips:
        kinds.setdefault(clip.tile, set()).add(clip.kind)
    place: dict[str, int] = {}
    groups: dict[tuple[str, ...], list[str]] = {}
    for tile, found in kinds.items():
        groups.setdefault(tuple(sorted(found - {"good"})), []).append(tile)
    turn = 0
    for key in sorted(groups):
        for tile in rng.permutation(groups[key]):
            place[str(tile)] = turn % count
            turn += 1
    return np.array([place[clip.tile] for clip in clips])


def aligned(clip: Clip, multiple: int) -> tuple[Pixels, Pixels]:
    """Pictures and masks (frame, height, width) about their common middle, one size."""
    chosen = frames(clip)
    height, width = (min(one.grey.shape[axis] for one in chosen) for axis in (0, 1))
    height, width = height // multiple * multiple, width // multiple * multiple
    grey = np.stack([_middle(one.grey, height, width) for one in chosen])
    mask = np.stack([_middle(one.mask, height, width) for one in chosen])
    return grey, mask


def frames(clip: Clip) -> list[Picture]:
    """One picture of each exposure step it has."""
    by_light = {one.light: one for one in clip.pictures if 1 <= one.light <= LIGHTS}
    return [by_light[light] for light in sorted(by_light)] or list(clip.pictures)


def _crops(pictures: list[Picture]) -> list[list[Picture]]:
    """A tile has a crop for each time that an exposure occurs; defects first, then by size."""
    if len({one.light for one in pictures}) == len(pictures):
        return [pictures]
    order = sorted(
        pictures, key=lambda one: (one.label == "good", one.label, one.grey.size, one.light)
    )
    crops: list[list[Picture]] = []
    for picture in order:
        for crop in crops:
            is_same = (crop[0].label == "good") == (picture.label == "good")
            if is_same and picture.light not in {one.light for one in crop}:
                crop.append(picture)
                break
        else:
            crops.append([picture])
    return crops


def _middle(image: Pixels, height: int, width: int) -> Pixels:
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def _grey(path: Path) -> Pixels:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ConfigError(f"{path}: no picture; fetch the set again")
    return np.asarray(image, np.uint8)
