"""An engine tries the networks of a bundle in a process of its own: `screen.rehearse` starts it."""

import json
import resource
import sys
from pathlib import Path

from edge.bundle import load
from edge.errors import BundleError, ConfigError
from edge.inference import proved
from edge.inference.runner import RunFailed, opener

MEMORY_BYTES = 4 * 2**30
PROCESSOR_S = 180


def main() -> int:
    """`{"folder": ..., "engine": ...}` on standard input; `{"failed": null or why}` comes back."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))
    order = json.load(sys.stdin)
    failed: str | None = None
    try:
        one = load(Path(order["folder"]))
        for name in one.manifest.detectors:
            proved.load(one, name, opener(order["engine"]), threads=1)
    except (BundleError, ConfigError, RunFailed, ImportError) as error:
        failed = str(error)
    except MemoryError:
        failed = f"{order['folder']}: asks more than {MEMORY_BYTES} bytes of memory"
    json.dump({"failed": failed}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
