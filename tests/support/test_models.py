"""The scripted provider is as strict as the real ones where an agent could cheat itself."""

from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.support.models import Call, Model

pytestmark = [
    pytest.mark.usefixtures("no_proxies"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # OpenAI retires its Assistants
]


def test_a_run_takes_the_outputs_that_it_waits_for_and_no_others():
    with Model([Call("look", {"at": 1}, id="call_1")], "Seen.") as model:
        with OpenAI(base_url=f"{model.url}/v1", api_key="any", max_retries=0) as client:
            runs, thread = client.beta.threads.runs, client.beta.threads.create()
            run = runs.create(thread_id=thread.id, assistant_id="asst_1")
            names: dict[str, Any] = {"thread_id": thread.id, "run_id": run.id}
            awaited: Any = [{"tool_call_id": "call_1", "output": "{}"}]
            other: Any = [{"tool_call_id": "other", "output": "{}"}]
            with pytest.raises(BadRequestError):
                runs.submit_tool_outputs(**names, tool_outputs=awaited)
            assert runs.retrieve(**names).status == "requires_action"
            with pytest.raises(BadRequestError):
                runs.submit_tool_outputs(**names, tool_outputs=other)
            runs.submit_tool_outputs(**names, tool_outputs=awaited)
            assert runs.retrieve(**names).status == "completed"
            with pytest.raises(NotFoundError):
                runs.retrieve(thread_id=thread.id, run_id="run_none")
    assert model.outputs == [{}]
