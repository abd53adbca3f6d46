"""What all five documents need: the product, the far side of an SDK, and an environment without proxies."""

import time

import pytest

from tests.support.agents import forget, hasten


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, no_proxies):
    """The examples sleep between polls, and read keys from the environment."""
    monkeypatch.setattr(time, "sleep", hasten)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("AI21_API_KEY", "any")


@pytest.fixture
def namespace():
    """The one that the blocks of a document share."""
    names = {"__name__": "document"}
    yield names
    forget(names)


@pytest.fixture
def run(document, namespace):
    """Runs the block of the document that has these words; the namespace."""

    def run_block(*words):
        exec(document.with_(*words).compiled(), namespace)
        return namespace

    return run_block
