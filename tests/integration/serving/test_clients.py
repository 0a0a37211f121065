"""OpenAI's SDK, LangChain and curl, asking a real vLLM through the gateway."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.request import urlopen

import openai
import pytest

from tests.integration.serving.conftest import RELEASE, Served
from tests.unit.serving.running import wait_until

TEXT = "the view joins accounts to clients; the table holds one row per account and day. "
QUESTION: Any = [{"role": "user", "content": "the table"}]
# To the end, whatever the model says.
LONG: Any = {"ignore_eos": True}


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[openai.OpenAI]:
    with served.client() as made:
        yield made


def figure(served: Served, name: str, **labels: str) -> float:
    """Sum of one of vLLM's own figures over what has these labels."""
    found = 0.0
    for line in urlopen(f"{served.server.url}/metrics").read().decode().splitlines():
        wanted = all(f'{label}="{value}"' in line for label, value in labels.items())
        if line.startswith(f"{name}{{") and wanted:
            found += float(line.rpartition(" ")[2])
    return found


def test_models_are_the_release_and_its_alias(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [RELEASE, "released"]


def test_an_answer_is_the_same_whole_and_as_a_stream(client: openai.OpenAI) -> None:
    asked: Any = {
        "model": "released", "messages": QUESTION, "max_tokens": 40, "temperature": 0,
        "extra_body": LONG,
    }  # fmt: skip
    raw = client.chat.completions.with_raw_response.create(**asked)
    assert raw.headers["x-amodels-release"] == RELEASE
    whole = raw.parse()
    assert whole.model == RELEASE
    assert whole.usage.completion_tokens == 40
    text = whole.choices[0].message.content
    assert text
    assert whole.choices[0].finish_reason == "length"
    events = list(
        client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    )
    parts = [event.choices[0].delta.content or "" for event in events if event.choices]
    assert "".join(parts) == text
    assert len([part for part in parts if part]) > 10
    assert events[-1].usage.completion_tokens == 40


def local_logprobs(served: Served, text: str) -> tuple[list[int], list[float]]:
    """Tokens of a text, and what transformers says of each but the first."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(served.folder)
    model = AutoModelForCausalLM.from_pretrained(served.folder, dtype="float32").eval()
    ids = tokenizer(text)["input_ids"]
    with torch.no_grad():
        logprobs = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    return ids, [logprobs[place, token].item() for place, token in enumerate(ids[1:])]


def test_echoed_log_probabilities_are_those_of_transformers(
    served: Served, client: openai.OpenAI
) -> None:
    # Longer than the sliding window of 64 tokens.
    text = TEXT * 4
    ids, wanted = local_logprobs(served, text)
    assert len(ids) > 150
    for prompt in (text, ids):
        answer = client.completions.create(
            model="released", prompt=prompt, max_tokens=1, echo=True, logprobs=1, temperature=0
        )
        found = answer.choices[0].logprobs.token_logprobs
        assert found[0] is None
        assert found[1 : len(ids)] == pytest.approx(wanted, abs=1e-3)


def test_log_probabilities_of_an_answer(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="released", messages=QUESTION, max_tokens=5, temperature=0, logprobs=True,
        top_logprobs=3, extra_body=LONG,
    )  # fmt: skip
    content = answer.choices[0].logprobs.content
    assert len(content) == 5
    for token in content:
        assert len(token.top_logprobs) == 3
        assert token.logprob == max(other.logprob for other in token.top_logprobs)
        assert sum(math.exp(other.logprob) for other in token.top_logprobs) <= 1


def test_a_client_that_goes_ends_the_work_at_the_server(
    served: Served, client: openai.OpenAI
) -> None:
    def generated() -> float:
        return figure(served, "vllm:generation_tokens_total")

    before = generated()
    stream = client.completions.create(
        model="released", prompt="the table", stream=True, max_tokens=450, extra_body=LONG
    )
    for number, _ in enumerate(stream):
        if number == 2:
            break
    stream.close()
    wait_until(lambda: figure(served, "vllm:num_requests_running") == 0 and generated() > before)
    # vLLM counts no request that was ended in this way, but the tokens that it made for it.
    assert generated() - before < 450
    answer = client.completions.create(model="released", prompt="the table", max_tokens=1)
    assert answer.usage.completion_tokens == 1


def test_many_at_once(client: openai.OpenAI) -> None:
    def ask(number: int) -> int:
        answer = client.completions.create(
            model="released", prompt="the table " * number, max_tokens=8, extra_body=LONG
        )
        return answer.usage.completion_tokens

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(1, 17))) == [8] * 16


def test_an_answer_of_a_wanted_form(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="released", messages=QUESTION, max_tokens=8,
        extra_body={"structured_outputs": {"choice": ["table", "view"]}},
    )  # fmt: skip
    assert answer.choices[0].message.content in {"table", "view"}
    # No JSON schema: it leaves room for blanks, and a random model fills it.
    form = {"regex": r'\{"kind": "(table|view)"\}'}
    answer = client.chat.completions.create(
        model="released", messages=QUESTION, max_tokens=60,
        extra_body={"structured_outputs": form},
    )  # fmt: skip
    assert json.loads(answer.choices[0].message.content)["kind"] in {"table", "view"}


def test_what_vllm_refuses_is_refused_in_its_words(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="maximum context length is 512 tokens"):
        client.completions.create(model="released", prompt="the table " * 400, max_tokens=5)
    with pytest.raises(openai.BadRequestError, match="temperature"):
        client.completions.create(model="released", prompt="the table", temperature=-1)


def test_langchain(served: Served) -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(
        model="released", base_url=served.url, api_key=served.gateway.key, max_tokens=20,
        temperature=0, max_retries=0, extra_body=LONG,
    )  # fmt: skip
    whole = model.invoke("the table")
    assert whole.content
    assert whole.usage_metadata["output_tokens"] == 20
    assert whole.response_metadata["model_name"] == RELEASE
    parts = [part.content for part in model.stream("the table")]
    assert "".join(parts) == whole.content
    assert len(parts) > 5
    answers = model.batch(["the table", "one row", "the table"])
    assert answers[0].content == answers[2].content == whole.content


def test_curl(served: Served) -> None:
    def curl(path: str, *more: str) -> str:
        shown = " %{http_code} %header{x-amodels-release}"
        command = ["curl", "--silent", "--show-error", "--max-time", "60", "--write-out", shown]
        done = subprocess.run(
            [*command, f"{served.url}{path}", *more], capture_output=True, text=True, check=True
        )
        return done.stdout

    key = ["--header", f"Authorization: Bearer {served.gateway.key}"]
    body = {"model": "released", "messages": QUESTION, "max_tokens": 6}
    sent = ["--header", "content-type: application/json", "--data", json.dumps(body)]
    assert " 401 " in curl("/chat/completions", *sent)
    answer, status, release = curl("/chat/completions", *key, *sent).rsplit(" ", 2)
    assert (status, release) == ("200", RELEASE)
    assert json.loads(answer)["usage"]["completion_tokens"] <= 6
    sent[-1] = json.dumps({**body, "stream": True})
    streamed = curl("/chat/completions", "--no-buffer", *key, *sent)
    events = re.findall(r"^data: (.*)$", streamed, re.MULTILINE)
    assert events[-1].startswith("[DONE]")
    assert json.loads(events[0])["choices"][0]["delta"]["role"] == "assistant"


def test_the_audit_log_counts_what_vllm_counted(served: Served, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="released", messages=QUESTION, max_tokens=6)
    line = served.gateway.audit_lines()[-1]
    assert line["release"] == RELEASE
    assert line["tokens"] == answer.usage.total_tokens
