"""Which networks are loaded: of the bundles that judge, are compared, or may come back."""

import ctypes
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from edge import config
from edge.aside import Aside
from edge.bundle import Bundle
from edge.certificate import Ran
from edge.errors import BundleError, ConfigError
from edge.inference.detector import Detector
from edge.inference.proved import load, load_chosen
from edge.inference.runner import Candidate, Opener, opener

log = logging.getLogger(__name__)
Key = tuple[str, str]  # sha256 of the bundle, detector


class Loaded:
    """Detectors by bundle. Touched on the loop alone, but for `compile` and `let_go`."""

    def __init__(
        self, settings: config.Engine, open_runner: Opener | None, cache: Path | None
    ) -> None:
        self._settings = settings
        self._open_runner = open_runner  # None: the one that the settings name
        self.cache = cache
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

    def drop(self, sha256: str) -> list[Detector]:
        """No window of this bundle comes any more; its detectors, for `let_go`."""
        del self._bundles[sha256]
        keys = [key for key in self._detectors if key[0] == sha256]
        return [self._detectors.pop(key) for key in keys]

    async def adopt(self, bundle: Bundle, name: str, chosen: Candidate, aside: Aside) -> None:
        """Run a detector on another engine from the next window on; none waits meanwhile.

        Raises:
            ConfigError, BundleError: the new one does not serve; the old one goes on.
        """
        threads, key = self._settings.threads, (bundle.sha256, name)
        load = partial(load_chosen, bundle, name, chosen, threads=threads, cache=self.cache)
        spare = [await aside.do(load)]
        if key in self._detectors:  # else it went meanwhile
            self._detectors[key], spare[0] = spare[0], self._detectors[key]
        await aside.do(partial(let_go, spare))

    def _compile(self, bundle: Bundle, name: str, chosen: Candidate | None) -> Detector:
        threads = self._settings.threads
        if chosen is not None:
            try:
                return load_chosen(bundle, name, chosen, threads=threads, cache=self.cache)
            except (ConfigError, BundleError) as error:
                log.warning("%s %s: %s does not serve: %s", bundle.label, name, chosen, error)
        open_runner = self._open_runner or opener(self._settings.name)
        return load(bundle, name, open_runner, threads=threads, cache=self.cache)


def let_go(detectors: list[Detector]) -> None:
    """Empty the list, and give freed memory to the system where the C library keeps it (glibc).

    What nobody runs any more is destroyed, which takes 3 to 11 ms a network: not on the loop.
    """
    detectors.clear()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
