"""Whether a line's sensors fit the bundles they feed: found on a laptop, with nothing opened."""

from collections.abc import Mapping
from pathlib import Path

from edge.bundle import Bundle
from edge.config import Line, Sensor, Station
from edge.errors import BundleError, ConfigError
from edge.fusion.rules import named
from edge.manifest import SeriesInput
from edge.store.choice import admit


def check_bundles(line: Line, known: Mapping[Path, Bundle] | None = None) -> dict[Path, Bundle]:
    """Load every bundle the line names and hold each station's wiring against it.

    Those that are `known` were loaded before, by folder, and are not read again.

    Raises:
        ConfigError: a bundle that cannot be used, or a sensor that feeds an input it does not fit.
    """
    bundles: dict[Path, Bundle] = {}
    for station in line.stations:
        for recipe, folder in station.bundles.items():
            where = f"stations.{station.id}.bundles.{recipe}"
            if folder not in bundles:
                try:
                    bundles[folder] = (known or {}).get(folder) or admit(folder, line.bundles)
                except BundleError as error:
                    raise ConfigError(f"{where}: {error}") from error
                _check_rule(bundles[folder], where)
            _check_wiring(station, where, bundles[folder])
        _check_recipes(station, bundles)
    return bundles


def _check_recipes(station: Station, bundles: dict[Path, Bundle]) -> None:
    """A stream is decoded before its part's recipe is known: every bundle takes it alike."""
    ones = [bundles[folder] for folder in station.bundles.values()]
    for sensor in station.sensors:
        inputs = {one.label: one.manifest.detectors[sensor.input].input for one in ones}
        if len(set(inputs.values())) > 1:
            raise ConfigError(
                f"stations.{station.id}.sensors.{sensor.id}: the bundles {', '.join(inputs)} take "
                f"different inputs for {sensor.input!r}; give one station bundles of one shape"
            )


def _check_rule(one: Bundle, where: str) -> None:
    """Here, on a laptop, and not at the first part whose sensors contradict each other."""
    try:
        rule = named(one.manifest.rule)
    except ValueError as error:
        raise ConfigError(f"{where}: {one.label}: {error}; make the bundle again") from error
    sure = [name for name, detector in one.manifest.detectors.items() if detector.discount == 1.0]
    if rule.needs_open and sure:
        raise ConfigError(
            f"{where}: {one.label}: {rule.name} has no answer to sure sources that contradict each "
            f"other, and {', '.join(sure)} has a discount of 1; make it below 1, or take yager"
        )


def _check_stated(sensor: Sensor, needed: SeriesInput, at: str, label: str) -> None:
    """What a payload does not say of itself; raw ones may, and then it need not stand here."""
    said: dict[str, tuple[object, object]] = {
        "rate_hz": (sensor.rate_hz, needed.rate_hz),
        "unit": (sensor.unit, needed.unit),
    }
    if sensor.payload == "raw":
        said = {key: pair for key, pair in said.items() if pair[0]}
    elif sensor.payload == "array":
        said["channels"] = sensor.channels, needed.channels
    else:
        return
    for key, (got, want) in said.items():
        if got != want:
            raise ConfigError(f"{at}.{key}: is {got!r}, {label} was trained on {want!r}")


def _check_wiring(station: Station, where: str, one: Bundle) -> None:
    detectors = one.manifest.detectors
    for sensor in station.sensors:
        at = f"stations.{station.id}.sensors.{sensor.id}"
        detector = detectors.get(sensor.input)
        if detector is None:
            raise ConfigError(
                f"{at}: input {sensor.input!r} is no detector of {one.label} ({where}); "
                f"it has {', '.join(detectors)}"
            )
        if len(sensor.offsets) > 1 and detector.discount == 1.0:
            raise ConfigError(
                f"{at}.offsets_s: {one.label} is sure of what {sensor.input!r} says (discount 1), "
                "and windows that are sure cannot be combined; make the bundle with a discount "
                "below 1, or take one window by offset_s"
            )
        needed = detector.input
        if sensor.camera is not None and needed.kind != "clip":
            raise ConfigError(
                f"{at}: a camera cannot feed {sensor.input!r}, which takes a waveform"
            )
        if needed.kind == "clip" and sensor.payload == "array":
            raise ConfigError(f'{at}.payload: an array holds no picture; take "messagepack"')
        if needed.kind == "series":
            _check_stated(sensor, needed, at, one.label)
    fed = {s.input for s in station.sensors}
    if unfed := set(detectors) - fed:
        raise ConfigError(
            f"stations.{station.id}: no sensor feeds {', '.join(sorted(unfed))} of {one.label}; "
            "add one with that input"
        )
