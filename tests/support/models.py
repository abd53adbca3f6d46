"""A model's provider that a test scripts: the far side of an agent's SDK, on a port of its own.

    with Model([Call("send_email", {…})], "Done.") as model:
        OpenAI(base_url=model.url + "/v1", api_key="any")

It plays OpenAI's Assistants (threads, runs, `requires_action`, tool outputs, streams), OpenAI's Responses, Anthropic's
Messages, and chat completions as OpenAI, Azure and AI21 spell them. Each time the model is asked it takes the next
turn: words end the work, calls go out as tool calls. A turn may be a function of what the tools have answered so far.
What the agent told it is in `prompts`, `outputs` and `assistants`.
"""

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    """A tool that the model wants to use."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


Turn = str | list[Call]
Reaction = Callable[[list[Any]], Turn]
Json = dict[str, Any]
Event = tuple[str, Json]


class Unacceptable(Exception):
    """What the provider refuses with 400."""


@dataclass
class Run:
    """One run of an assistant, as the API shows it, and the calls it waits for."""

    shown: Json
    waits_for: set[str] = field(default_factory=set)


class Model:
    def __init__(self, *turns: Turn | Reaction) -> None:
        self.turns: list[Turn | Reaction] = list(turns)
        self.outputs: list[Any] = []  # what tools answered, read as JSON where it is
        self.prompts: list[Any] = []  # the messages or the input of each request for a turn
        self.assistants: list[Json] = []
        self.messages: dict[str, list[Json]] = {}  # by thread
        self.runs: dict[str, Run] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, path: str, body: Json) -> Json | list[Event]:
        """JSON, or the events of a stream. Raises Unacceptable, LookupError for what is not there."""
        for route, act in ROUTES.items():
            verb, _, pattern = route.partition(" ")
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                with self._lock:
                    return act(self, body, *found.groups())
        raise LookupError(f"{method} {path}")

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"

    def _next_turn(self) -> Turn:
        turn = self.turns.pop(0) if self.turns else "There is nothing more to do."
        turn = turn(self.outputs) if callable(turn) else turn
        if isinstance(turn, str):
            return turn
        return [Call(call.name, call.arguments, call.id or self._new_id("call")) for call in turn]

    def _heard(self, output: str) -> None:
        try:
            self.outputs.append(json.loads(output))
        except ValueError:
            self.outputs.append(output)

    # OpenAI Assistants

    def _create_assistant(self, body: Json) -> Json:
        shown = {"id": self._new_id("asst"), "object": "assistant", "created_at": 0, **body}
        self.assistants.append(shown)
        return shown

    def _create_thread(self, body: Json) -> Json:
        thread_id = self._new_id("thread")
        self.messages[thread_id] = list(body.get("messages", []))
        return {"id": thread_id, "object": "thread", "created_at": 0, "metadata": {}}

    def _create_message(self, body: Json, thread_id: str) -> Json:
        self.messages[thread_id].append(body)
        return {"id": self._new_id("msg"), "object": "thread.message", "thread_id": thread_id, **body}

    def _create_run(self, body: Json, thread_id: str) -> Json | list[Event]:
        self.prompts.append(list(self.messages[thread_id]))
        run = Run(
            {
                "id": self._new_id("run"),
                "object": "thread.run",
                "created_at": 0,
                "thread_id": thread_id,
                "assistant_id": body["assistant_id"],
                "status": "queued",
                "required_action": None,
            }
        )
        self.runs[run.shown["id"]] = run
        if body.get("stream"):
            return [("thread.run.created", dict(run.shown)), *self._go_on(run)]
        return run.shown

    def _get_run(self, _: Json, thread_id: str, run_id: str) -> Json:
        run = self._run(thread_id, run_id)
        self._go_on(run)
        return run.shown

    def _submit(self, body: Json, thread_id: str, run_id: str) -> Json | list[Event]:
        run = self._run(thread_id, run_id)
        given = {output["tool_call_id"] for output in body["tool_outputs"]}
        if run.shown["status"] != "requires_action" or given != run.waits_for:
            raise Unacceptable(f"run {run_id} waits for {sorted(run.waits_for)}, not for {sorted(given)}")
        for output in body["tool_outputs"]:
            self._heard(output["output"])
        run.waits_for = set()
        run.shown |= {"status": "queued", "required_action": None}
        return self._go_on(run) if body.get("stream") else run.shown

    def _run(self, thread_id: str, run_id: str) -> Run:
        run = self.runs[run_id]
        if run.shown["thread_id"] != thread_id:
            raise LookupError(f"run {run_id} is not of {thread_id}")
        return run

    def _go_on(self, run: Run) -> list[Event]:
        """Takes the run's next turn if it is the model's; the events of that."""
        if run.shown["status"] != "queued":
            return []
        turn = self._next_turn()
        if isinstance(turn, str):
            message = {"role": "assistant", "content": [{"type": "text", "text": {"value": turn}}]}
            self.messages[run.shown["thread_id"]].append(message)
            run.shown["status"] = "completed"
            return [("thread.message.completed", message), ("thread.run.completed", dict(run.shown))]
        run.waits_for = {call.id for call in turn}
        run.shown |= {
            "status": "requires_action",
            "required_action": {
                "type": "submit_tool_outputs",
                "submit_tool_outputs": {"tool_calls": [_function_call(call) for call in turn]},
            },
        }
        return [("thread.run.requires_action", dict(run.shown))]

    # OpenAI Responses

    def _respond(self, body: Json) -> Json | list[Event]:
        given = body["input"]
        self.prompts.append(given)
        for item in given if isinstance(given, list) else []:
            if item.get("type") == "function_call_output":
                self._heard(item["output"])
        turn = self._next_turn()
        shown = {
            "id": self._new_id("resp"),
            "object": "response",
            "created_at": 0,
            "model": body["model"],
            "status": "completed",
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": body.get("tools", []),
            "output": [_said(turn)] if isinstance(turn, str) else [_response_call(call) for call in turn],
            "usage": {
                "input_tokens": 1,
                "output_tokens": 1,
                "total_tokens": 2,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        }
        if not body.get("stream"):
            return shown
        done = [
            ("response.output_item.done", {"item": item, "output_index": place})
            for place, item in enumerate(shown["output"])
        ]
        events = [*done, ("response.completed", {"response": shown})]
        return [
            (name, {"type": name, "sequence_number": number, **data})
            for number, (name, data) in enumerate(events)
        ]

    # Chat completions

    def _complete(self, body: Json) -> Json:
        messages = body["messages"]
        self.prompts.append(messages)
        said = len(messages) - next(
            (back for back, one in enumerate(reversed(messages)) if one["role"] != "tool"), len(messages)
        )
        for message in messages[said:]:  # the tools' answers since the model's last turn
            self._heard(message["content"])
        turn = self._next_turn()
        words = isinstance(turn, str)
        message = {"role": "assistant", "content": turn if words else None}
        if not isinstance(turn, str):
            message |= {"tool_calls": [_function_call(call) for call in turn]}
        return {
            "id": self._new_id("chatcmpl"),
            "object": "chat.completion",
            "created": 0,
            "model": body.get("model", ""),
            "choices": [{"index": 0, "message": message, "finish_reason": "stop" if words else "tool_calls"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }

    # Anthropic's Messages

    def _message(self, body: Json) -> Json:
        self.prompts.append(body["messages"])
        last = body["messages"][-1]["content"]
        for block in last if isinstance(last, list) else []:
            if block["type"] == "tool_result":
                self._heard(block["content"])
        turn = self._next_turn()
        words = isinstance(turn, str)
        content = (
            [{"type": "text", "text": turn}]
            if isinstance(turn, str)
            else [{"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments} for c in turn]
        )
        return {
            "id": self._new_id("msg"),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": "end_turn" if words else "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }


def _function_call(call: Call) -> Json:
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _response_call(call: Call) -> Json:
    arguments = json.dumps(call.arguments)
    return {"type": "function_call", "id": f"fc_{call.id}", "call_id": call.id, "name": call.name,
            "arguments": arguments, "status": "completed"}  # fmt: skip


def _said(words: str) -> Json:
    content = [{"type": "output_text", "text": words, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


ROUTES: dict[str, Callable[..., Json | list[Event]]] = {
    "POST /v1/assistants": Model._create_assistant,
    "POST /v1/threads": Model._create_thread,
    "POST /v1/threads/([^/]+)/messages": Model._create_message,
    "POST /v1/threads/([^/]+)/runs": Model._create_run,
    "GET /v1/threads/([^/]+)/runs/([^/]+)": Model._get_run,
    "POST /v1/threads/([^/]+)/runs/([^/]+)/submit_tool_outputs": Model._submit,
    "POST /v1/responses": Model._respond,
    "POST /v1/messages": Model._message,
    "POST (?:/[^/]+)*/chat/completions": Model._complete,  # under /openai/deployments/…, /studio/v1 or nothing
}


def _lines(events: Sequence[Event]) -> Iterator[str]:
    for name, data in events:
        yield f"event: {name}\ndata: {json.dumps(data)}\n\n"
    yield "event: done\ndata: [DONE]\n\n"


def _handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                found = model.answer(
                    self.command, urlsplit(self.path).path, json.loads(content) if content else {}
                )
            except Unacceptable as refusal:
                self._tell(400, "application/json", json.dumps({"error": {"message": str(refusal)}}))
            except LookupError as absent:
                self._tell(404, "application/json", json.dumps({"error": {"message": str(absent)}}))
            else:
                if isinstance(found, list):
                    self._tell(200, "text/event-stream", "".join(_lines(found)))
                else:
                    self._tell(200, "application/json", json.dumps(found))

        do_GET = do_POST = _do  # noqa: N815

        def _tell(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Tests print nothing of it."""

    return Handler
