"""Pictures of the report, as inline SVG. Pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge.accept.exact import Rate
from edge.accept.pod import Detection
from edge.accept.tags import Html, join, text
from edge.accept.words import counted

LINE, BAND, SOFT, RULE, MISS, TARGET = (
    "#1d5b9e", "#d5e3f3", "#5c6670", "#dde2e7", "#b3261e", "#8a5a00"
)  # fmt: skip
TICKS = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_CURVE = 121  # points


@dataclass(frozen=True, slots=True)
class Frame:
    """Where severities (on a logarithm) and shares lie in a picture."""

    low: float
    high: float
    width: float
    height: float
    left: float = 34.0
    right: float = 8.0
    top: float = 20.0
    bottom: float = 30.0

    def x(self, size: float) -> float:
        share = math.log(size / self.low) / math.log(self.high / self.low)
        return self.left + share * (self.width - self.left - self.right)

    def y(self, share: float) -> float:
        return self.top + (1.0 - share) * (self.height - self.top - self.bottom)

    def holds(self, size: float) -> bool:
        return self.low <= size <= self.high


def detection_plot(found: Detection, low: float, high: float, *, is_large: bool) -> Html:
    """POD against severity: curve, band of the one-sided bounds, every hit and every miss."""
    frame = Frame(low, high, 620.0 if is_large else 300.0, 280.0 if is_large else 190.0)
    title = f"{found.kind}: {len(found.hits)} hits, {len(found.misses)} misses"
    return _svg(
        frame.width,
        frame.height,
        title,
        _axes(frame),
        _band(frame, found),
        _curve(frame, found),
        _marks(frame, found),
        _rug(frame, found.hits, frame.top - 9.0, LINE),
        _rug(frame, found.misses, frame.y(0.0) + 2.0, MISS),
        _label(frame.left, 9.0, title, css_weight=600),
    )


def rates_plot(rates: Mapping[str, Rate], target: float) -> Html:
    """Shares with their intervals, one below the other, and the target."""
    row, left, right, width = 18.0, 104.0, 128.0, 620.0
    height = row * len(rates) + 46.0
    most = max([target, *(rate.high for rate in rates.values() if rate.trials)]) * 1.05

    def x(share: float) -> float:
        return left + share / most * (width - left - right)

    def rows() -> Iterator[Html]:
        for number, (name, rate) in enumerate(rates.items()):
            middle = 14.0 + row * number
            yield _label(left - 8.0, middle + 3.5, name, anchor="end", colour="#1c2126")
            if rate.trials:
                yield _line(x(rate.low), middle, x(rate.high), middle, LINE, 2.0)
                yield _dot(x(rate.share), middle)
            yield _label(width, middle + 3.5, counted(rate), anchor="end")

    bottom = 18.0 + row * len(rates)
    step = _step(most)
    ticks = [step * k for k in range(int(most / step) + 1)]
    return _svg(
        width,
        height,
        "escape rate by kind of defect, with 95 % intervals",
        _line(left, bottom, width - right, bottom, SOFT, 0.75),
        join(_line(x(tick), bottom, x(tick), bottom + 4.0, SOFT, 0.75) for tick in ticks),
        join(_label(x(t), bottom + 15.0, f"{100.0 * t:g} %", anchor="middle") for t in ticks),
        _line(x(target), 2.0, x(target), bottom, TARGET, 1.0, dash="4 3"),
        _label(x(target) + 4.0, bottom - 4.0, "target", colour=TARGET),
        join(rows()),
    )


def _step(most: float) -> float:
    """A round distance of ticks, so that there are four to eight."""
    power = 10.0 ** math.floor(math.log10(most / 4.0))
    return next(power * one for one in (1.0, 2.0, 5.0, 10.0) if most / (power * one) <= 8.0)


def _axes(frame: Frame) -> Html:
    left, right = frame.left, frame.width - frame.right
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = frame.y(share)
        parts.append(_line(left, y, right, y, SOFT if share == 0.0 else RULE, 0.75))
        parts.append(_label(left - 5.0, y + 3.5, f"{100.0 * share:.0f} %", anchor="end"))
    for tick in filter(frame.holds, TICKS):
        x = frame.x(tick)
        parts.append(_line(x, frame.y(0.0), x, frame.y(0.0) + 4.0, SOFT, 0.75))
        parts.append(_label(x, frame.y(0.0) + 22.0, f"{tick:g}", anchor="middle"))
    return join(parts)


def _band(frame: Frame, found: Detection) -> Html:
    """Between the bounds, over the heights where both are known."""
    points = [p for p in found.band if p.low is not None and p.high is not None]
    if not points:
        return Html()
    edge = [(p.low, p.pod) for p in points] + [(p.high, p.pod) for p in reversed(points)]
    path = " ".join(
        f"{frame.x(min(max(size, frame.low), frame.high)):.1f},{frame.y(pod):.1f}"
        for size, pod in edge
        if size is not None
    )
    return Html(f'<polygon points="{path}" fill="{BAND}"/>')


def _curve(frame: Frame, found: Detection) -> Html:
    if found.intercept is None or found.slope is None:
        return Html()
    path = []
    for step in range(_CURVE):
        size = frame.low * (frame.high / frame.low) ** (step / (_CURVE - 1))
        logit = found.intercept + found.slope * math.log(size)
        path.append(f"{frame.x(size):.1f},{frame.y(0.5 * (1.0 + math.tanh(logit / 2.0))):.1f}")
    return Html(
        f'<polyline points="{" ".join(path)}" fill="none" stroke="{LINE}" stroke-width="1.6"/>'
    )


def _marks(frame: Frame, found: Detection) -> Html:
    """The reject limit, and a90/95."""
    parts = []
    if frame.holds(1.0):
        x = frame.x(1.0)
        parts.append(_line(x, frame.top, x, frame.y(0.0), TARGET, 1.0, dash="4 3"))
        parts.append(_label(x + 4.0, frame.y(0.03), "reject limit", colour=TARGET))
    if found.a90_95 is not None and frame.holds(found.a90_95):
        x = frame.x(found.a90_95)
        parts.append(_line(x, frame.y(0.9), x, frame.y(0.0), LINE, 1.0, dash="2 2"))
        parts.append(_dot(x, frame.y(0.9)))
        parts.append(_label(x + 4.0, frame.y(0.13), f"a90/95 = {found.a90_95:.2f}", colour=LINE))
    return join(parts)


def _rug(frame: Frame, sizes: tuple[float, ...], top: float, colour: str) -> Html:
    """One stroke a part."""
    strokes = " ".join(f"M{frame.x(size):.1f} {top:.1f}v7" for size in sizes if frame.holds(size))
    return Html(f'<path d="{strokes}" stroke="{colour}" stroke-width=".8" opacity=".55"/>')


def _svg(width: float, height: float, title: str, *content: Html) -> Html:
    return Html(
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" xmlns="http://www.w3.org/2000/svg" '
        f'font-family="inherit" font-size="9.5"><title>{text(title)}</title>{join(content)}</svg>'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: str = ""
) -> Html:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return Html(
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def _dot(x: float, y: float) -> Html:
    return Html(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{LINE}"/>')


def _label(
    x: float, y: float, words: str, anchor: str = "start", colour: str = SOFT, css_weight: int = 400
) -> Html:
    return Html(
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{css_weight}" stroke="#fff" stroke-width="3" paint-order="stroke">'
        f"{text(words)}</text>"
    )
