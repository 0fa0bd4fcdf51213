"""The report for people: a table a detector, then what they take together."""

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from edge.build.trial import Tried
from edge.gauge.at_once import AtOnce
from edge.gauge.limit import Limit
from edge.gauge.paced import RATE, STATIONS
from edge.gauge.report import Report, Row
from edge.gauge.together import Together
from edge.gauge.tool import Beside
from edge.inference.operations import Operations

COLUMNS = ("load ms", "first ms", "p50 ms", "p99 ms", "whole p50", "of limit", "MiB", "off golden")
WRONG = "wrong"  # in place of a share of the limit


def show(report: Report, console: Console) -> None:
    for name, found in report.rows.items():
        console.print(_table(f"{report.bundle.label} {name}", found))
        _say_limit(found, console)
    peaks = ", ".join(f"{name} {peak:g}" for name, peak in report.peaks_gops.items())
    console.print(f"\nmeasured peak, billion operations/s on one large convolution: {peaks}")
    least = ", ".join(f"{name} {one:g} us" for name, one in report.overheads_us.items())
    console.print(f"a call in which there is nothing to calculate (our Python and theirs): {least}")
    for bare in report.at_once:
        _say_at_once(bare, console)
    for one in report.together:
        _say_together(one, console)
    for row in report.paced:
        stations = "in step" if row.in_step else "out of step"
        console.print(
            f"as on a line ({STATIONS} stations {stations}, {RATE:g} parts/s, {row.parts} parts), "
            f"{row.workers} worker(s): last window to last score p50 {row.p50_ms:.1f} ms, p95 "
            f"{row.p95_ms:.1f}, max {row.max_ms:.1f}"
        )


def _table(title: str, row: Row) -> Table:
    table = Table("engine", box=SIMPLE, title=title, title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for one in sorted(row.tried, key=lambda tried: tried.speed.p50_ms if tried.speed else 1e9):
        is_chosen = one is row.chosen
        said = "fastest" if is_chosen else one.refused
        table.add_row(*_cells(one, row), said, style="bold green" if is_chosen else None)
    return table


def _cells(one: Tried, row: Row) -> list[str]:
    label = f"{one.name or one.candidate.engine} {one.candidate.precision}"
    if one.runs_in not in ("", one.candidate.precision):
        label += f", runs in {one.runs_in}"
    off = f"{one.error:.2%}" if one.error is not None else ""
    if (speed := one.speed) is None:
        return [label, *[""] * (len(COLUMNS) - 1), off]
    times = (speed.first_ms, speed.p50_ms, speed.p99_ms, speed.whole_p50_ms)
    said = ""
    if row.limit:
        share = row.limit.share(speed.whole_p50_ms)
        said = WRONG if share is None else f"{share:.0%}"
    shown = [f"{value:.2f}" for value in times]
    return [label, f"{speed.load_ms:.0f}", *shown, said, f"{speed.memory_mib:.0f}", off]


def _say_limit(row: Row, console: Console) -> None:
    if (needs := row.needs) is None:
        console.print("  operations are not counted: neither openvino nor onnx is here")
    else:
        _say_needs(needs, row.limit, console)
    if row.is_limit_beaten:
        console.print(
            f"  {WRONG}: quicker than the limit, which is none then: the peak came out too low, or "
            "a library gets by with fewer operations than are counted (Winograd)",
            style="yellow",
        )
    for one in row.tried:
        if one.speed and len(one.speed.batches_ms) > 1:
            sizes = ", ".join(
                f"{size}: {size / ms * 1e3:.0f}/s" for size, ms in one.speed.batches_ms.items()
            )
            most, label = one.candidate.most, f"{one.candidate.engine} {one.candidate.precision}"
            pays = f"up to {most} at once come sooner" if most > 1 else "none comes sooner"
            console.print(f"  {label}, windows/s by batch, {sizes}: {pays}")
    if row.tool:
        _say_tool(row.tool, console)
    if row.tool_failed:
        console.print(f"  {row.tool_failed}", style="yellow", markup=False)
    if row.soak:
        gpu = row.soak.gpu_growth_mib
        console.print(
            f"  memory over {row.soak.inferences} inferences: {row.soak.first_mib:.1f} to "
            f"{row.soak.last_mib:.1f} MiB, the fitted line grows {row.soak.growth_mib:+.2f} MiB"
            + (f"; of the GPU's {gpu:+.2f} MiB" if gpu is not None else "")
        )


def _say_tool(one: Beside, console: Console) -> None:
    console.print(
        f"  the whole file in one call: {one.ours_p50_ms:.3f} ms ours, {one.tool_p50_ms:.3f} ms "
        f"benchmark_app's own, whose input was filled once ({one.ratio:.2f} of it); of ours "
        f"{one.library_p50_ms:.3f} ms are the library's ({one.library_ratio:.2f}), "
        f"{one.around_us:.0f} us copying, binding and Python"
    )


def _say_needs(needs: Operations, limit: Limit | None, console: Console) -> None:
    text = (
        f"  {needs.integer / 1e6:.1f} M operations in integers, {needs.floating / 1e6:.1f} M in "
        f"float, {needs.weight_bytes / 1e3:.0f} kB of weights"
    )
    if limit:
        text += (
            f": at least {limit.compute_ms:.2f} ms to calculate, {limit.memory_ms:.2f} ms to read"
        )
    console.print(text)


def _say_at_once(one: AtOnce, console: Console) -> None:
    engines = "; ".join(f"{name} {engine}" for name, engine in one.engines.items())
    console.print(
        f"the networks of one part at once, host to host, {one.way} ({engines}; {one.rounds} "
        f"rounds): p50 {one.p50_ms:.3f} ms, p90 {one.p90_ms:.3f}, p99 {one.p99_ms:.3f}, max "
        f"{one.max_ms:.3f}"
    )


def _say_together(one: Together, console: Console) -> None:
    alone = ", ".join(f"{name} {ms:.2f}" for name, ms in one.alone_p50_ms.items())
    calm = f", {one.calm_ratio:.2f} of calm rounds ({one.calm_rounds})" if one.calm_ratio else ""
    console.print(
        f"{one.workers} worker(s): alone {alone} ms; together {one.together_p50_ms:.2f} ms "
        f"(p99 {one.together_p99_ms:.2f}), {one.ratio:.2f} of half the sum{calm}; threads waited "
        f"{one.waited_share:.1%} of the time for a core"
    )
