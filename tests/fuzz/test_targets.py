"""What is fuzzed holds for what fuzzing begins with."""

import pytest

from tests.fuzz.targets import TARGETS, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds(name: str) -> None:
    for seed in seeds(name):
        TARGETS[name](seed)
