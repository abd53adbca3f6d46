"""Every route, behind a real server, against its own description with data made by schemathesis: each by itself, and
in scenarios that follow the description's links, from what one answer names to the next call.

All checks are on. What a schema can't say (an address list, two spellings that differ) may be refused for data
that fits it, so 422 counts as an answer to such data. And pydantic reads "5" as 5 and 0 as false, in a body as in
a query, so a value of another type may be taken; nothing else that breaks its schema may.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup
from schemathesis.specs.openapi.checks import UseAfterFree  # type: ignore[attr-defined]  # it is raised, after all

from multimail.core.scopes import Scope
from multimail.operations.registry import BY_NAME, OPERATIONS
from multimail.surfaces.openapi import describe
from tests.support.world import World, build_world

EXAMPLES = 5
SCENARIOS, STEPS = 20, 6
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "409", "413", "422", "429"]
            }
        },
        "generation": {"max-examples": EXAMPLES, "database": "none", "with-security-parameters": False},
    }
)
schema = schemathesis.openapi.from_dict(describe(OPERATIONS), config=CONFIG)


@dataclass
class Server:
    url: str
    keys: dict[str, str]
    real: dict[str, str]  # input → a value that means something here


async def furnish(world: World) -> dict[str, str]:
    """One thing of each kind that a random name would never hit."""
    await world.add_key("program", [Scope.READ, Scope.SEND, Scope.ADMIN])
    mailbox_id = world.mailbox["mailbox_id"]
    part = {"name": "a.txt", "content_base64": "YQ=="}
    sent = await world.invoke(
        BY_NAME["send_email"], mailbox_id=mailbox_id, to="ann@example.test", attachments=[part]
    )
    hook = await world.invoke(BY_NAME["create_webhook"], "admin", url="http://127.0.0.1:1/hook")
    return {
        "mailbox_id": mailbox_id,
        "email_id": sent["id"],
        "thread_id": sent["thread_id"],
        "filename": "a.txt",
        "webhook_id": hook["id"],
        **dict.fromkeys(("to", "cc", "bcc", "reply_to"), "ann@example.test"),
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a thread, with a loop and a world of its own."""
    folder: Path = tmp_path_factory.mktemp("schemathesis")
    started: list[Server] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with build_world(f"sqlite:///{folder}/multimail.db", folder) as world:
            config = uvicorn.Config(world.app, port=0, log_level="critical", lifespan="off")
            running = uvicorn.Server(config)
            running.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]  # not the main thread
            task = asyncio.create_task(running.serve())
            while not running.started:
                await asyncio.sleep(0.01)
            port = running.servers[0].sockets[0].getsockname()[1]
            started.append(Server(f"http://127.0.0.1:{port}", world.keys, await furnish(world)))
            ready.set()
            await stop.wait()
            running.should_exit = True
            await task

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def make_real(case: schemathesis.Case, real: dict[str, str]) -> None:
    """Names of things that are there, so that more than 404 and 422 is tested."""
    for given in (case.path_parameters, case.query, case.body):
        if isinstance(given, dict):
            given.update({name: real[name] for name in given.keys() & real.keys()})


def key_of(case: schemathesis.Case, server: Server) -> dict[str, str]:
    needs = case.operation.definition.raw["x-scopes"]
    return {"Authorization": f"Bearer {server.keys['oversight' if needs == ['oversight'] else 'program']}"}


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_route_keeps_to_its_description(case: Any, server: Server) -> None:
    definition = case.operation.definition.raw
    name = definition["operationId"].partition("__")[0]
    if BY_NAME[name].effect != "destructive" and case.meta.generation.mode.is_positive:
        make_real(case, server.real)
    asked = case.query if case.method == "GET" else case.body
    if BY_NAME[name].waits and isinstance(asked, dict):
        asked["timeout_seconds"] = 0
    sent = key_of(case, server) | {"Accept": "application/json"}  # a page would be HTML
    try:
        case.call_and_validate(base_url=server.url, headers=sent, timeout=10)
    except FailureGroup as found:
        if not all(map(is_coercion, found.exceptions)):
            raise


def is_coercion(failure: Exception) -> bool:
    return isinstance(failure, AcceptedNegativeData) and str(failure).endswith("Incorrect type")


def resources() -> dict[str, Any]:
    """The description without its further spellings: the test above has them all, and links lead to none of them."""
    whole = describe(OPERATIONS)
    paths = {
        path: {method: shown for method, shown in methods.items() if "__" not in shown["operationId"]}
        for path, methods in whole["paths"].items()
    }
    return whole | {"paths": {path: methods for path, methods in paths.items() if methods}}


@pytest.mark.timeout(240)  # seconds; it takes about a quarter of that where nothing else runs
def test_what_one_answer_names_the_next_call_finds(server: Server) -> None:
    """Stateful: the same scenarios on every run."""
    linked = schemathesis.openapi.from_dict(resources(), config=CONFIG)
    answered: set[int] = set()

    class Scenario(linked.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            headers = key_of(case, server) | {"Accept": "application/json"}
            return {"base_url": server.url, "headers": headers, "timeout": 10}

        def before_call(self, case: schemathesis.Case) -> None:
            name = case.operation.definition.raw["operationId"]
            if BY_NAME[name].effect != "destructive":
                real = {name: value for name, value in server.real.items() if not name.endswith("_id")}
                make_real(case, real)
            if BY_NAME[name].waits and isinstance(case.query, dict):
                case.query["timeout_seconds"] = 0

        def validate_response(self, response: Any, case: schemathesis.Case, *more: Any, **named: Any) -> None:
            answered.add(response.status_code)
            self.deleted = getattr(self, "deleted", False) or (case.method, response.status_code) == (
                "DELETE",
                200,
            )
            try:
                super().validate_response(response, case, *more, **named)
            except FailureGroup as found:
                # A delete that an owner must agree to first has deleted nothing.
                known = (UseAfterFree,) if not self.deleted else ()
                if not all(is_coercion(one) or isinstance(one, known) for one in found.exceptions):
                    raise

    quick = settings(
        max_examples=SCENARIOS,
        stateful_step_count=STEPS,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Scenario, settings=quick)
    assert {200, 201} <= answered  # it got past refusals
