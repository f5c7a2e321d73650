"""What the tests of models share: weights that are the same each time."""

import sys

import pytest


@pytest.fixture(autouse=True)
def weights_of_a_seed(drawn_from):
    """Layers that name no seed draw their first weights from this one."""
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(drawn_from)
