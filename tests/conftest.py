"""What all tests share: devices, the corpora beside the repository, Hypothesis without a clock."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from textzero._compat import has_gpu
from textzero.kernels import DEVICES

settings.register_profile("textzero", deadline=None, max_examples=60)
settings.load_profile("textzero")


@pytest.fixture(scope="session", params=DEVICES)
def device(request):
    """Run the test once per device; what cannot run reports a skip, never a pass."""
    if request.param == "gpu":
        pytest.skip("no kernels for the GPU yet" if has_gpu() else "no NVIDIA GPU on this machine")
    return request.param


@pytest.fixture(scope="session")
def data():
    """The folder of corpora and gold sets."""
    if "TEXTZERO_DATA" not in os.environ:
        pytest.skip("TEXTZERO_DATA names no folder of corpora")
    return Path(os.environ["TEXTZERO_DATA"])
