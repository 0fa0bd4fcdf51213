"""The `[data]` section of a configuration: where recordings lie, and how their manifest says so.

A folder of recordings has a `manifest.csv`, a row a file (or a stretch of a file). Its columns:

| column | |
| --- | --- |
| `file` | path below the folder |
| `label` | what the part is |
| `group` | the physical part, machine or recording: examples of one group are alike |
| `split` | train, validation, test; `unused` leaves the row out; empty: drawn by group |
| `rate_hz` | samples, or pictures, a second; where the file says so itself, both must agree |
| `unit` | of the numbers in the file; empty: the detector's |
| `part`, `order` | of pictures: those of one part are a clip, in the order of `order` |
| `start_s`, `end_s` | the stretch of the file that the row speaks of; empty: all of it |
| `severity` | size of the defect as a multiple of its reject limit; empty: 1, of a good part 0 |

Other columns are left alone. A manifest with other names is read through `columns`, which names for
each of these the column that holds it, or composes it: `file = "{recording_id}_audio.flac"`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from edge.certificate import Share, Table

MANIFEST = "manifest.csv"
SPLITS = ("train", "validation", "test")
UNUSED = "unused"
SplitName = Literal["train", "validation", "test", "unused"]


class Columns(Table):
    """For each fact the column of the manifest that holds it, or a pattern of several."""

    file: str = "file"
    label: str = "label"
    group: str = "group"
    split: str = "split"
    rate_hz: str = "rate_hz"
    unit: str = "unit"
    part: str = "part"
    order: str = "order"
    start_s: str = "start_s"
    end_s: str = "end_s"
    severity: str = "severity"


class Numbers(Table):
    """How the numbers in a file become a waveform in the detector's unit."""

    array: str | None = None  # its name in an .npz; None where there is one
    sample_axis: Literal["first", "last"] | None = None  # None: the longer of two
    rate: str | None = None  # name in an .npz of the rate that the file states
    offset: str | None = None  # name in an .npz of what is subtracted, a number a channel
    channels: tuple[int, ...] = ()  # which, in the detector's order; empty: all
    scale: float = 1.0  # detector's unit for one of the file's
    remove_mean: bool = False  # of each recording and channel
    resample: bool = False  # to the detector's rate, where the recording has another


class Source(Table):
    """All that is to be said of a folder of recordings."""

    layout: Literal["manifest", "labelled", "simulated"] = "manifest"
    folder: Path | None = None  # or `--data`
    manifest: str = MANIFEST
    columns: Columns = Columns()
    labels: dict[str, str] = Field(default_factory=dict)  # label -> class; others are class names
    splits: dict[str, SplitName] = Field(default_factory=dict)  # value of the column -> split
    validation_share: Share = 0.2  # of the groups in train, where no row is for validation
    test_share: Share = 0.2  # of groups without a split, where no row is for test
    seed: int = 1  # of the draw
    numbers: Numbers = Numbers()
    hop_s: PositiveFloat | None = None  # from one window of a recording to the next; None: a window
    most_windows: PositiveInt | None = None  # of one row, spread over it evenly
    sensor: str | None = None  # of labelled parts: which, where several feed the detector
    on_incomplete: Literal["refuse", "skip"] = "refuse"  # a labelled part without a whole window
    skip_s: Annotated[float, Field(ge=0.0)] = 0.0  # at the start of each recording
