"""The document on LiveKit has no code left, only prose. Every route that it names is served; the worker that it
describes is the journey of the voice agent."""

import re

from tests.seeds.documents import read_document

ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/v1/[\w/{}]+)")


def test_every_route_it_names_is_served(server):
    routes = ROUTE.findall(read_document("livekit").text)
    paths = server.call("GET", "/v1/openapi.json", key=None).body["paths"]
    assert len(routes) == 4
    assert [f"{verb} {path}" for verb, path in routes if verb.lower() not in paths.get(path, {})] == []
