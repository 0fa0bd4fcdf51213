"""Bundles of small real networks, as the inference tests have them."""

from inference.conftest import make_bundle  # noqa: F401 - a fixture
