"""Checks 1, 2 and 7: official clients get through the gateway what they get directly."""

import json
import time

import ollama
import openai
from harness import Checks, call, expect, expect_equal, field
from world import (
    LLAMA_MODEL,
    OLLAMA_EMBED_MODEL,
    OLLAMA_MODEL,
    VLLM_MODEL,
    World,
)

STAGES = {
    "read_head", "read_body", "inspect", "admit", "queue", "route", "translate_request",
    "acquire", "send", "wait", "stream", "translate_response", "write_response", "finish",
}  # fmt: skip

QUESTION = [{"role": "user", "content": "Name three things made of glass."}]


class SeenBySDK:
    """What the OpenAI client saw of llama.cpp through the gateway."""

    def __init__(self) -> None:
        self.input_tokens = 0
        self.output_tokens = 0
        self.times_to_first_token: list[float] = []

    def add(self, usage: object) -> None:
        self.input_tokens += usage.prompt_tokens
        self.output_tokens += usage.completion_tokens


def openai_client(base_url: str, hook: object = None) -> openai.OpenAI:
    """An OpenAI client that never retries and tells the hook of every request."""
    hooks = {"request": [hook]} if hook else {}
    return openai.OpenAI(
        base_url=base_url,
        api_key="unused",
        max_retries=0,
        timeout=300,
        http_client=openai.DefaultHttpxClient(event_hooks=hooks),
    )


def ollama_client(host: str, hook: object = None) -> ollama.Client:
    """An Ollama client that tells the hook of every request."""
    return ollama.Client(host=host, event_hooks={"request": [hook]} if hook else {}, timeout=60)


def chat(client: openai.OpenAI, model: str, limit: int = 16) -> object:
    """One whole answer, the same for the same question."""
    return client.chat.completions.create(
        model=model, messages=QUESTION, temperature=0, seed=42, max_tokens=limit
    )


def chat_stream(client: openai.OpenAI, model: str, limit: int = 16) -> tuple[str, object, float]:
    """Text, usage and time to the first content of one streamed answer."""
    started = time.monotonic()
    first = None
    text = ""
    usage = None
    stream = client.chat.completions.create(
        model=model, messages=QUESTION, temperature=0, seed=42, max_tokens=limit,
        stream=True, stream_options={"include_usage": True},
    )  # fmt: skip
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            if choice.delta.content:
                first = first or time.monotonic()
                text += choice.delta.content
    expect(usage is not None, "the stream carried no usage")
    expect(first is not None, "the stream carried no content")
    return text, usage, first - started


def run(checks: Checks, world: World) -> None:
    world.seen = SeenBySDK()
    _openai(checks, world)
    _ollama(checks, world)
    _other_routes(checks, world)
    _log(checks, world)


def _openai(checks: Checks, world: World) -> None:
    direct = openai_client(f"{world.llama_url}/v1")
    through = openai_client(f"{world.main.url}/olla/openai/v1", world.main.sent.hook)

    def whole() -> None:
        wanted = chat(direct, LLAMA_MODEL)
        got = chat(through, LLAMA_MODEL)
        world.seen.add(got.usage)
        expect(wanted.choices[0].message.content, "llama.cpp said nothing")
        expect_equal(got.choices[0].message.content, wanted.choices[0].message.content, "text")
        expect_equal(got.choices[0].finish_reason, wanted.choices[0].finish_reason, "reason")
        expect_equal(got.usage.prompt_tokens, wanted.usage.prompt_tokens, "prompt tokens")
        expect_equal(got.usage.completion_tokens, wanted.usage.completion_tokens, "tokens")

    def streamed() -> None:
        wanted, usage, _ = chat_stream(direct, LLAMA_MODEL)
        for _ in range(5):
            text, got, first = chat_stream(through, LLAMA_MODEL)
            world.seen.add(got)
            world.seen.times_to_first_token.append(first)
            expect_equal(text, wanted, "text")
            expect_equal(got.prompt_tokens, usage.prompt_tokens, "prompt tokens")
            expect_equal(got.completion_tokens, usage.completion_tokens, "tokens")

    def listing() -> None:
        names = {model.id for model in through.models.list()}
        expect({LLAMA_MODEL, VLLM_MODEL} <= names, f"models listed: {names}")

    def unknown() -> None:
        try:
            chat(through, "nobody-has-this")
        except openai.NotFoundError:
            return
        expect(False, "a model nobody has was not refused with 404")

    checks.run("openai client: a whole answer of llama.cpp equals the direct one", whole)
    checks.run("openai client: streamed answers of llama.cpp equal the direct one", streamed)
    checks.run("openai client: the models of every backend are listed", listing)
    checks.run("openai client: an unknown model is refused with 404", unknown)


def _ollama(checks: Checks, world: World) -> None:
    direct = ollama_client(world.ollama.url)
    through = ollama_client(f"{world.main.url}/olla/ollama", world.main.sent.hook)

    def both(what: str, ask: object) -> None:
        wanted, got = ask(direct), ask(through)
        expect(wanted, f"{what}: the direct answer is empty")
        expect_equal(got, wanted, what)

    def dumped(parts: object) -> list[dict]:
        return [part.model_dump() for part in parts]

    asks = {
        "chat": lambda client: client.chat(OLLAMA_MODEL, QUESTION).model_dump(),
        "chat, streamed": lambda client: dumped(
            client.chat(OLLAMA_MODEL, QUESTION, stream=True)
        ),
        "generate": lambda client: client.generate(OLLAMA_MODEL, "Why?").model_dump(),
        "generate, streamed": lambda client: dumped(
            client.generate(OLLAMA_MODEL, "Why?", stream=True)
        ),
        "embed": lambda client: client.embed(OLLAMA_EMBED_MODEL, ["one", "two"]).model_dump(),
        "chat with reasoning": lambda client: client.chat(
            OLLAMA_MODEL, QUESTION, think=True
        ).model_dump(),
        "list": lambda client: sorted(model.model for model in client.list().models),
    }
    for what, ask in asks.items():
        checks.run(
            f"ollama client: {what} equals the direct answer",
            lambda what=what, ask=ask: both(what, ask),
        )


def _other_routes(checks: Checks, world: World) -> None:
    def bytes_equal() -> None:
        body = {"model": VLLM_MODEL, "messages": QUESTION, "stream": True}
        wanted = call(f"{world.vllm.url}/v1/chat/completions", "POST", body).body
        for prefix in ("/olla/vllm", "/olla/openai", "/olla/proxy"):
            answer = world.main.call(f"{prefix}/v1/chat/completions", "POST", body)
            expect_equal(answer.status, 200, f"status by {prefix}")
            expect_equal(answer.body, wanted, f"bytes by {prefix}")
            expect_equal(answer.headers["X-Olla-Endpoint"], "vllm", f"endpoint by {prefix}")
            expect_equal(answer.headers["X-Olla-Model"], VLLM_MODEL, f"model by {prefix}")

    def errors_pass() -> None:
        body = {"model": VLLM_MODEL, "messages": QUESTION}
        answer = world.main.call(
            "/olla/vllm/v1/chat/completions", "POST", body, headers={"X-Mock-Fault": "400"}
        )
        expect_equal(answer.status, 400, "status")
        expect_equal(answer.json()["error"]["code"], 400, "the backend's own error body")

    checks.run("a stream reaches the client byte for byte by every route", bytes_equal)
    checks.run("a backend's own error passes untouched", errors_pass)


def _log(checks: Checks, world: World) -> None:
    path = "/olla/vllm/v1/chat/completions"
    body = {"model": VLLM_MODEL, "messages": QUESTION, "stream": True}

    def ids() -> None:
        world.vllm.reset()
        generated = world.main.call(path, "POST", body).headers["X-Olla-Request-ID"]
        expect(generated, "no X-Olla-Request-ID")
        given = "e2e-id-0123456789"
        answer = world.main.call(path, "POST", body, headers={"X-Request-ID": given})
        expect_equal(answer.headers["X-Olla-Request-ID"], given, "the id given by the client")
        seen = [field(request, "X-Request-ID") for request in world.vllm.requests()]
        expect_equal(seen, [generated, given], "X-Request-ID at the backend")
        for request_id in (generated, given):
            world.main.access_line(request_id)

    def fields() -> None:
        given = "e2e-fields-0123456789"
        answer = world.main.call(path, "POST", body, headers={"X-Request-ID": given})
        record = world.main.access_line(given)
        expect_equal(record["status"], 200, "status")
        expect_equal(record["method"], "POST", "method")
        expect_equal(record["path"], path, "path")
        expect_equal(record["model"], VLLM_MODEL, "model")
        expect_equal(record["endpoint"], "vllm", "endpoint")
        expect_equal(record["outcome"], "ok", "outcome")
        expect_equal(record["route"], "provider", "route")
        expect_equal(record["attempts"], 1, "attempts")
        expect_equal(record["response_bytes"], len(answer.body), "response_bytes")
        expect_equal(record["request_bytes"], len(json.dumps(body)), "request_bytes")
        expect("ttft_ms" in record, f"no ttft_ms in {record}")
        stages = record["stages_us"]
        expect(stages, "stages_us is empty")
        expect(set(stages) <= STAGES, f"unknown stages {set(stages) - STAGES}")
        # The stages do not overlap and leave nothing out: a microsecond of rounding each.
        total, duration = sum(stages.values()), record["duration_ms"] * 1000
        expect(
            abs(total - duration) <= len(stages) + 1000,
            f"stages add up to {total} µs, the request took {duration} µs",
        )

    def parses() -> None:
        for gateway in (world.main, world.twins):
            lines = gateway.log_lines()
            expect(lines, "no log lines")
            for line in lines:
                pairs: list[str] = []

                def keep(members: list, pairs: list[str] = pairs) -> dict:
                    names = [name for name, _ in members]
                    expect(len(names) == len(set(names)), f"a key twice in {line[:300]}")
                    pairs.extend(names)
                    return dict(members)

                try:
                    record = json.loads(line, object_pairs_hook=keep)
                except ValueError as error:
                    expect(False, f"no JSON ({error}): {line[:300]}")
                for key in ("timestamp", "level", "msg"):
                    expect(key in record, f"no {key} in {line[:300]}")
                if record["msg"] == "Access log":
                    expect(record.get("request_id"), f"no request_id in {line[:300]}")

    checks.run("log: the request id is returned, logged and forwarded", ids)
    checks.run("log: the access line tells the request and its stages", fields)
    checks.run("log: every line of stdout is one JSON object with unique keys", parses)
