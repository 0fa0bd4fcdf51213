"""What the thresholds of a bundle promise, on what that was tested, and whether it holds here.

The promise: of parts at or above their reject limit, with a defect that the sensors at work can
see, at most `escape_rate` are judged ok, at `confidence`. It was tested on parts that neither
taught the networks nor put the candidates in order (Angelopoulos, Bates, Candes, Jordan & Lei 2021,
Learn then Test), and it is about parts drawn as those were, on the engines that answered then.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Table(BaseModel):
    """A table of the manifest: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Costs(Table):
    """What each outcome costs the plant, in any one unit, and how common defects are there."""

    escape: PositiveFloat = 1000.0  # a defect that passes
    false_reject: PositiveFloat = 10.0  # a good part that is rejected
    inspection: PositiveFloat = 3.0  # a part that is uncertain, and looked at by hand
    defect_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01  # of the line's parts


class Ran(Table):
    """What one detector answered on."""

    engine: str  # "openvino 2026.4.1 cpu"
    precision: str

    def __str__(self) -> str:
        return f"{self.engine} {self.precision}"


class Promise(Table):
    """What held when exactly these detectors were at work, and the others accepted as absent."""

    sensors: tuple[str, ...] = Field(min_length=1)  # names of detectors
    defects: PositiveInt  # parts counted: at or above their limit, of a kind that these can see
    escapes: NonNegativeInt  # of these, judged ok
    p_value: Share  # of so few escapes, if the rate were above the promised one
    upper_bound: Share  # of the escape rate, at the certificate's confidence
    uncertain_defects: NonNegativeInt
    good: PositiveInt
    false_rejects: NonNegativeInt
    uncertain_good: NonNegativeInt
    unasked: tuple[str, ...] = ()  # defects that the accepted, absent sensors alone could see
    unasked_share: Share = 0.0  # of all defects at or above their limit: these are not excluded


class Certificate(Table):
    """On what the thresholds were set, and what they promise there, row by row."""

    escape_rate: Share
    confidence: Share
    multiplicity: str  # whether rows hold each by itself, or all at once
    assumption: str
    parts: PositiveInt  # that the promises were tested on
    data: str
    data_sha256: Sha256  # of every window the detectors saw, in order
    tuning: str  # the parts on which candidates were chosen and put in order
    engines: dict[str, Ran]  # detector -> what it answered on
    costs: Costs
    created: str  # ISO date
    vouched_sha256: Sha256  # of all in the manifest that decides; `Manifest.vouched_sha256`
    promises: tuple[Promise, ...] = Field(min_length=1)

    def promise_for(self, detectors: frozenset[str]) -> Promise | None:
        """The row for exactly these working detectors, if there is one."""
        return next((p for p in self.promises if set(p.sensors) == detectors), None)


class Standing(NamedTuple):
    """Whether a promise covers a part, and in words which, or why not."""

    is_certified: bool
    words: str


def standing(
    certificate: Certificate | None, vouched_sha256: str, at_work: Sequence[tuple[str, Ran]]
) -> Standing:
    """Whether the certificate covers a part that these answered: (detector, what it ran on) each.

    `vouched_sha256` is of the manifest as it is now; thresholds changed by hand void the promise.
    """
    if certificate is None or certificate.vouched_sha256 != vouched_sha256:
        return Standing(False, void(certificate, vouched_sha256))
    names = [name for name, _ in at_work]
    promise = certificate.promise_for(frozenset(names))
    if not names:
        why = "not certified: no sensor at work"
    elif double := sorted({name for name in names if names.count(name) > 1}):
        why = f"not certified for more than one sensor on {', '.join(double)}"
    elif promise is None:
        why = f"not certified for {'+'.join(names)}"
    elif others := other_engines(certificate, dict(at_work)):
        why = f"not certified on this engine ({others})"
    else:
        return Standing(True, promised(certificate, promise))
    return Standing(False, why)


def void(certificate: Certificate | None, vouched_sha256: str) -> str:
    """Why a bundle promises nothing whatever is at work, in words; "" where it may."""
    if certificate is None:
        return "not certified: no certificate"
    if certificate.vouched_sha256 != vouched_sha256:
        return "not certified: the bundle was changed since it was calibrated"
    return ""


def other_engines(certificate: Certificate, here: dict[str, Ran]) -> str:
    """Where a detector runs on something else than in the certificate; "" where none does."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, ran in here.items():
        then = certificate.engines.get(name)
        if then != ran:
            pair = str(ran), str(then) if then else "nothing"
            found.setdefault(pair, []).append(name)
    return "; ".join(
        f"{', '.join(names)}: {now} here, {then} in the certificate"
        for (now, then), names in found.items()
    )


def promised(certificate: Certificate, promise: Promise) -> str:
    """One row in words."""
    text = (
        f"certified for {'+'.join(promise.sensors)}: at most {100 * certificate.escape_rate:.3g} % "
        f"of defects pass, at {100 * certificate.confidence:.3g} % confidence "
        f"({promise.escapes} of {promise.defects} did)"
    )
    if promise.unasked:
        text += (
            f"; not of {', '.join(promise.unasked)}, {100 * promise.unasked_share:.3g} % "
            "of all defects there"
        )
    return text
