"""What most journeys start with: a far side, and the product that delivers to it, on each database."""

import pytest

from tests.journeys.journey import serving
from tests.support.sink import Sink


@pytest.fixture
async def sink():
    async with Sink() as made:
        yield made


@pytest.fixture
async def product(database_url, tmp_path, sink):
    async with serving(tmp_path / "data", deliver=sink.url, database=database_url) as running:
        yield running
