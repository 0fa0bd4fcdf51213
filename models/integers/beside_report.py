"""What `models.integers.beside` measured, as data and as a table."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from edge.bundle import Bundle
from models.integers.beside import Took, best, measure, sizes

PLAIN_WIDTH = 150  # of a table that goes into a file
PACE = {False: "hot", True: "paced"}


def report(bundle: Bundle, arguments: argparse.Namespace) -> None:
    """Measure, show, keep."""
    took = measure(
        bundle, threads=arguments.threads, rounds=arguments.rounds, paced=arguments.paced
    )
    found = summary(took) | {
        "bundle": bundle.label,
        "threads": arguments.threads,
        "bytes": sizes(bundle),
        "latency": [asdict(one) for one in took],
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")
    console = Console()
    show(found, took, console if console.is_terminal else Console(width=PLAIN_WIDTH))


def summary(took: list[Took]) -> dict[str, Any]:
    """The appliance's engine in integers against ONNX Runtime in float, each in its best way."""
    found = {}
    for is_paced, pace in PACE.items():
        ours = best(took, "openvino", "int8", is_paced=is_paced)
        theirs = best(took, "onnxruntime", "fp32", is_paced=is_paced)
        found[pace] = {
            "int8_ms": ours.part_p50_ms,
            "int8_way": _way(ours),
            "onnxruntime_fp32_ms": theirs.part_p50_ms,
            "onnxruntime_fp32_way": _way(theirs),
            "lower": round(1.0 - ours.part_p50_ms / theirs.part_p50_ms, 4),
        }
    return found


def _way(one: Took) -> str:
    return one.way if one.is_whole else f"{one.way}, by pictures"


def show(found: dict[str, Any], took: list[Took], console: Console) -> None:
    names = list(took[0].median_ms)
    table = Table(
        "engine", "file", "calculated in", "pace", "way", *names, "part p50", "p95", "p99"
    )
    for one in took:
        table.add_row(
            one.engine, one.form, "/".join(sorted(set(one.calculated.values()))),
            PACE[one.is_paced], _way(one), *(f"{one.median_ms[name]:.2f}" for name in names),
            *(f"{value:.2f}" for value in (one.part_p50_ms, one.part_p95_ms, one.part_p99_ms)),
        )  # fmt: skip
    console.print(table)
    for pace in PACE.values():
        row = found[pace]
        console.print(
            f"{pace}: INT8 {row['int8_ms']:.2f} ms ({row['int8_way']}), ONNX Runtime FP32 "
            f"{row['onnxruntime_fp32_ms']:.2f} ms ({row['onnxruntime_fp32_way']}): "
            f"{row['lower']:.0%} lower"
        )
    totals = {kind: sum(one[kind] for one in found["bytes"].values()) for kind in
              ("int8", "float32", "float32_written_out")}  # fmt: skip
    for name, row in (*found["bytes"].items(), ("together", totals)):
        less = (1.0 - row["int8"] / row[kind] for kind in ("float32", "float32_written_out"))
        console.print(
            f"{name}: {row['int8']:,} bytes in INT8, {row['float32']:,} in FP32, "
            f"{row['float32_written_out']:,} with all constants written out: "
            + " and ".join(f"{one:.1%}" for one in less)
            + " smaller"
        )
