"""Which networks are loaded: of the bundles that judge, are compared, or may come back."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from edge import config
from edge.bundle import Bundle
from edge.certificate import Ran
from edge.errors import BundleError, ConfigError
from edge.inference.detector import Detector, load, load_chosen
from edge.inference.runner import Candidate, Opener, opener

log = logging.getLogger(__name__)
Key = tuple[str, str]  # sha256 of the bundle, detector


class Loaded:
    """Detectors by bundle. Touched on the loop alone, but for `compile`."""

    def __init__(
        self, settings: config.Engine, open_runner: Opener | None, cache: Path | None
    ) -> None:
        self._settings = settings
        self._open_runner = open_runner  # None: the one that the settings name
        self._cache = cache
        self._bundles: dict[str, Bundle] = {}
        self._detectors: dict[Key, Detector] = {}

    @property
    def held(self) -> frozenset[str]:
        """Manifests' sha256 of the bundles whose networks are loaded."""
        return frozenset(self._bundles)

    @property
    def names(self) -> dict[str, str]:
        """What runs each detector: "motor 1.0.0 camera" -> "openvino 2026.4.1 cpu, int8"."""
        return {
            f"{self._bundles[sha256].label} {name}": f"{one.runner.name}, {one.runner.precision}"
            for (sha256, name), one in self._detectors.items()
        }

    def ran(self, bundle: Bundle) -> list[tuple[str, Ran]]:
        """What each detector of a bundle answers on."""
        return [
            (name, Ran(engine=one.runner.name, precision=one.runner.precision))
            for (sha256, name), one in self._detectors.items()
            if sha256 == bundle.sha256
        ]

    def detector(self, bundle: Bundle, name: str) -> Detector:
        return self._detectors[bundle.sha256, name]

    def compile(self, bundle: Bundle, chosen: Mapping[Key, Candidate]) -> dict[Key, Detector]:
        """Load and prove every network of a bundle for `take`. Blocks; on any thread.

        Raises:
            ConfigError: the engine cannot be used here.
            BundleError: one cannot be compiled, or does not keep what its passport promises.
        """
        return {
            (bundle.sha256, name): self._compile(bundle, name, chosen.get((bundle.sha256, name)))
            for name in bundle.manifest.detectors
        }

    def take(self, bundle: Bundle, detectors: Mapping[Key, Detector]) -> None:
        """Windows for this bundle may be submitted from now on."""
        self._bundles[bundle.sha256] = bundle
        self._detectors.update(detectors)

    def drop(self, sha256: str) -> None:
        """No window of this bundle comes any more: its networks go as soon as none runs."""
        del self._bundles[sha256]
        for key in [key for key in self._detectors if key[0] == sha256]:
            del self._detectors[key]

    async def adopt(self, bundle: Bundle, name: str, chosen: Candidate) -> None:
        """Run a detector on another engine from the next window on; none waits meanwhile.

        Raises:
            ConfigError, BundleError: the new one does not serve; the old one goes on.
        """
        threads = self._settings.threads
        one = await asyncio.to_thread(load_chosen, bundle, name, chosen, threads=threads)
        if bundle.sha256 in self._bundles:  # else it went meanwhile
            self._detectors[bundle.sha256, name] = one

    def _compile(self, bundle: Bundle, name: str, chosen: Candidate | None) -> Detector:
        threads = self._settings.threads
        if chosen is not None:
            try:
                return load_chosen(bundle, name, chosen, threads=threads)
            except (ConfigError, BundleError) as error:
                log.warning("%s %s: %s does not serve: %s", bundle.label, name, chosen, error)
        open_runner = self._open_runner or opener(self._settings.name)
        return load(bundle, name, open_runner, threads=threads, cache=self._cache)
