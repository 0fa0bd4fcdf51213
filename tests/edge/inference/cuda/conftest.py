"""Both libraries that speak to CUDA, on a box that has them and a GPU."""

import pytest

from edge.errors import EngineMissing
from edge.inference.cuda.layer import SIBLINGS, Device, device


@pytest.fixture(params=SIBLINGS)
def gpu(request: pytest.FixtureRequest) -> Device:
    """The first GPU through each library."""
    try:
        return device(request.param)
    except EngineMissing as error:
        pytest.skip(f"{request.param}: {error}")
