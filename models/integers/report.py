"""What quantising did to a network: as JSON, as tables, as a picture."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from rich.console import Console
from rich.table import Table

from edge.inference.compiled import HEAVY, layers
from models import intervals
from models.datasets.examples import Examples
from models.integers.latency import Latency
from models.integers.loss import Real, compared
from models.statistics import mcnemar


def executed(file: Path) -> list[dict[str, Any]]:
    """The heavy layers as OpenVINO runs them: kind, precision, how many; asked for in integers."""
    options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    core = ov.Core()
    model = core.read_model(file)
    one = model.input(0).partial_shape
    one[0] = 1  # as the appliance runs it, whatever batch the file allows
    model.reshape(one)
    compiled = core.compile_model(model, "CPU", options)
    found = Counter(one for one in layers(compiled) if one[0] in HEAVY)
    return [{"kind": k, "precision": p, "layers": n} for (k, p), n in sorted(found.items())]


def classes(said: Mapping[str, Real], examples: Examples, names: list[str]) -> list[dict[str, Any]]:
    """Of each class the share that is named right, by both forms, with intervals and a paired test.

    Examples that teach in full only: what lies below its limit has no right name.
    """
    named = {form: logits.argmax(axis=1) == examples.labels for form, logits in said.items()}
    rows = []
    for number, name in enumerate(names):
        own = (examples.labels == number) & (examples.weights >= 1.0)
        groups = [examples.groups[row] for row in np.flatnonzero(own)]
        right = {form: intervals.rate(hits[own], groups) for form, hits in named.items()}
        one, other = named["float"][own], named["int8"][own]
        rows.append(
            {
                "class": name,
                **{form: found.data if found else None for form, found in right.items()},
                "only_float_right": int((one & ~other).sum()),
                "only_int8_right": int((other & ~one).sum()),
                "p_alike": mcnemar(int((one & ~other).sum()), int((other & ~one).sum())),
            }
        )
    return rows


def assembled(
    made: Mapping[str, Any],
    said: Mapping[str, Real],
    examples: Examples,
    names: list[str],
    files: Mapping[str, Path],
    times: list[Latency],
) -> dict[str, Any]:
    """All of it; the figures of `test` are on examples that neither taught nor chose."""
    sizes = {form: path.stat().st_size for form, path in files.items()}
    return {
        **made,
        "test": {
            **asdict(compared(said["float"], said["int8"], examples)),
            "examples": len(examples),
            "groups": examples.independent,
            "classes": classes(said, examples, names),
        },
        "bytes": sizes,
        "smaller": round(1.0 - sizes["INT8"] / sizes["FP32"], 4),
        "executed": executed(files["INT8"]),
        "latency": [asdict(one) for one in times],
    }


def show(found: Mapping[str, Any], console: Console) -> None:
    """As tables."""
    table = Table("class", "examples", "groups", "float right", "INT8 right", "p alike")
    for row in found["test"]["classes"]:
        if row["float"]:
            table.add_row(
                row["class"], str(row["float"]["examples"]), str(row["float"]["groups"]),
                _rate(row["float"]), _rate(row["int8"]), f"{row['p_alike']:.3f}",
            )  # fmt: skip
    console.print(table)
    console.print(
        f"INT8 costs {found['test']['points']:.2f} points on test, names the same class in "
        f"{100 * found['test']['agreement']:.2f} %; scales by {found['ranging']}; in float: "
        f"{', '.join(found['in_float']) or 'no layer'}; quantisation-aware training: "
        f"{_taught(found)}"
    )
    table = Table("layer", "weights", "points alone", "divergence alone, nats")
    for row in found["sensitivity"]:
        table.add_row(
            row["layer"], str(row["weights"]), f"{row['points']:.2f}", f"{row['divergence']:.2e}"
        )
    console.print(table)
    table = Table("engine", "form", "calculated in", "least ms", "median ms", "p99 ms", "why not")
    for row in found["latency"]:
        keys = ("least_ms", "median_ms", "p99_ms")
        times = ["" if row[key] is None else f"{row[key]:.3f}" for key in keys]
        table.add_row(row["engine"], row["form"], row["calculated"], *times, row["why"])
    console.print(table)
    ran = "; ".join(f"{r['layers']} {r['kind']} {r['precision']}" for r in found["executed"])
    sizes = ", ".join(f"{form} {size:,} bytes" for form, size in found["bytes"].items())
    console.print(f"as OpenVINO runs it: {ran}\nfiles: {sizes}")


def draw(found: Mapping[str, Any], path: Path) -> None:
    """Classes in both forms with intervals; what each layer loses alone."""
    import matplotlib as mpl  # noqa: PLC0415 - only when a picture is wanted

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.2), layout="constrained")
    rows = [row for row in found["test"]["classes"] if row["float"]]
    places = np.arange(len(rows))
    for shift, form in ((-0.12, "float"), (0.12, "int8")):
        values = np.array([row[form]["value"] for row in rows])
        low = np.array([row[form]["low"] for row in rows])
        high = np.array([row[form]["high"] for row in rows])
        bars = np.maximum(0.0, [values - low, high - values])
        left.errorbar(places + shift, values, yerr=bars, fmt="o", capsize=3, label=form)
    left.set_xticks(places, [row["class"] for row in rows], rotation=20)
    left.set_ylabel("named right, test")
    left.legend(fontsize="small")
    layers_ = list(reversed(found["sensitivity"]))
    right.barh([row["layer"] for row in layers_], [max(row["divergence"], 1e-9) for row in layers_])
    right.set(xscale="log", xlabel="divergence, this layer alone in INT8 (nats)")
    right.tick_params(labelsize=6)
    right.minorticks_off()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _taught(found: Mapping[str, Any]) -> str:
    if found["aware"] is None:
        return "not needed"
    said = f"{found['aware']['points']:.2f} points on validation"
    return f"{said}, {'taken' if found['aware_is_taken'] else 'not taken: no gain'}"


def _rate(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
