"""The official Anthropic client, passed through to a real llama.cpp and translated for the same server, and OpenAI's
client on the Responses API."""

import anthropic
from client_checks import openai_client
from harness import Checks, call, expect, expect_equal
from world import LLAMA_MODEL, VLLM_MODEL, Gateway, World, endpoint

QUESTION = [{"role": "user", "content": "Name three things made of glass."}]
TOOL = {
    "name": "weather",
    "description": "Tells the weather of a place",
    "input_schema": {
        "type": "object",
        "properties": {"place": {"type": "string"}},
        "required": ["place"],
    },
}


def anthropic_client(base_url: str, seen: dict | None = None) -> anthropic.Anthropic:
    """An Anthropic client that never retries and keeps the headers of its last answer."""

    def keep(response: object) -> None:
        if seen is not None:
            seen.clear()
            seen.update({name.lower(): value for name, value in response.headers.items()})

    return anthropic.Anthropic(
        base_url=base_url,
        api_key="unused",
        max_retries=0,
        timeout=300,
        http_client=anthropic.DefaultHttpxClient(event_hooks={"response": [keep]}),
    )


def run(checks: Checks, world: World) -> None:
    patient = "  response_header_timeout: 300s\n"
    llama, vllm = world.llama_url, world.vllm.url
    native = world.gateway(
        "gateway-messages",
        [endpoint(llama, "llama", "llamacpp"), endpoint(vllm, "vllm", "vllm")],
        patient,
    )
    translated = world.gateway(
        "gateway-translated",
        [endpoint(llama, "llama", "openai-compatible"), endpoint(vllm, "vllm", "openai-compatible")],
        patient,
    )
    for gateway in (native, translated):
        gateway.process.wait_for(
            lambda gateway=gateway: len(gateway.models()) >= 2, "models to be discovered", 60
        )
    _messages(checks, native, "passed through")
    _messages(checks, translated, "translated")
    _tools(checks, native, "passed through")
    _tools(checks, translated, "translated")
    _same(checks, native, translated)
    _errors(checks, translated)
    _responses(checks, world)
    _counted(checks, native, translated)


def _messages(checks: Checks, gateway: Gateway, how: str) -> None:
    seen: dict = {}
    client = anthropic_client(f"{gateway.url}/olla/anthropic", seen)

    def mode() -> None:
        wanted = "passthrough" if how == "passed through" else None
        expect_equal(seen.get("x-olla-mode"), wanted, "X-Olla-Mode")
        expect(seen.get("request-id"), "no request-id")

    def whole() -> None:
        message = client.messages.create(model=LLAMA_MODEL, max_tokens=12, messages=QUESTION)
        mode()
        expect_equal(message.type, "message", "type")
        expect(message.content[0].text.strip(), "the model said nothing")
        expect(message.stop_reason in ("max_tokens", "end_turn"), message.stop_reason)
        expect(message.usage.input_tokens > 5, f"usage {message.usage}")
        expect(1 <= message.usage.output_tokens <= 12, f"usage {message.usage}")

    def streamed() -> None:
        names = []
        with client.messages.stream(
            model=LLAMA_MODEL,
            max_tokens=12,
            system=[{"type": "text", "text": "Answer in one sentence."}],
            messages=QUESTION,
        ) as stream:
            for event in stream:
                names.append(event.type)
            message = stream.get_final_message()
        mode()
        expect_equal(names[0], "message_start", "first event")
        expect_equal(names[-1], "message_stop", "last event")
        expect(names.count("content_block_delta") >= 2, f"events {names}")
        expect(message.content[0].text.strip(), "the model said nothing")
        expect(message.usage.output_tokens >= 2, f"usage {message.usage}")

    def counted() -> None:
        count = client.messages.count_tokens(model=LLAMA_MODEL, messages=QUESTION)
        # A quarter of the bytes of the text.
        expect_equal(count.input_tokens, len(QUESTION[0]["content"]) // 4, "tokens")

    def listed() -> None:
        names = {model.id for model in client.models.list()}
        expect({LLAMA_MODEL, VLLM_MODEL} <= names, f"models listed: {names}")

    checks.run(f"anthropic client, {how}: a message of llama.cpp", whole)
    checks.run(f"anthropic client, {how}: a streamed message of llama.cpp", streamed)
    checks.run(f"anthropic client, {how}: tokens are counted", counted)
    checks.run(f"anthropic client, {how}: models are listed", listed)


def _tools(checks: Checks, gateway: Gateway, how: str) -> None:
    client = anthropic_client(f"{gateway.url}/olla/anthropic")
    asked = {
        "model": VLLM_MODEL,
        "max_tokens": 50,
        "tools": [TOOL],
        "tool_choice": {"type": "tool", "name": "weather"},
    }
    question = [{"role": "user", "content": "What is the weather in Zürich?"}]

    def use(message: object) -> object:
        expect_equal(message.stop_reason, "tool_use", "stop reason")
        block = message.content[-1]
        expect_equal(block.type, "tool_use", "block")
        expect_equal(block.name, "weather", "name")
        expect_equal(block.input, {"place": "Zürich"}, "input")
        return block

    def round_trip() -> None:
        block = use(client.messages.create(messages=question, **asked))
        answer = [
            *question,
            {"role": "assistant", "content": [block.model_dump()]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": block.id, "content": "Rain, 12 °C"}
                ],
            },
        ]
        rest = {**asked, "tool_choice": {"type": "none"}}
        message = client.messages.create(messages=answer, **rest)
        expect_equal(message.stop_reason, "end_turn", "stop reason after the result")
        expect(message.content[0].text, "no answer after the result")

    def streamed() -> None:
        with client.messages.stream(messages=question, **asked) as stream:
            pieces = [event.partial_json for event in stream if event.type == "input_json"]
            use(stream.get_final_message())
        expect(len(pieces) > 1, f"the input came in {len(pieces)} pieces")

    checks.run(f"anthropic client, {how}: a tool is called and its result sent back", round_trip)
    checks.run(f"anthropic client, {how}: a tool call is streamed", streamed)


def _same(checks: Checks, native: Gateway, translated: Gateway) -> None:
    def texts() -> None:
        answers = []
        for gateway in (native, translated):
            client = anthropic_client(f"{gateway.url}/olla/anthropic")
            message = client.messages.create(
                model=VLLM_MODEL, max_tokens=40, messages=QUESTION, extra_body={"temperature": 0}
            )
            answers.append((message.content[0].text, message.stop_reason, message.usage.output_tokens))
        expect_equal(answers[1], answers[0], "translated and passed through")

    checks.run("anthropic client: translation says what passthrough says", texts)


def _errors(checks: Checks, gateway: Gateway) -> None:
    client = anthropic_client(f"{gateway.url}/olla/anthropic")

    def refused(error: type, **settings: object) -> None:
        wanted = {"model": LLAMA_MODEL, "max_tokens": 5, "messages": QUESTION, **settings}
        try:
            client.messages.create(**wanted)
        except error as caught:
            expect_equal(caught.body["type"], "error", "type of the document")
            expect(caught.request_id, "no request id")
            return
        expect(False, f"{settings} was not refused")

    checks.run(
        "anthropic client: an unknown model is refused with 404",
        lambda: refused(anthropic.NotFoundError, model="nobody-has-this"),
    )
    checks.run(
        "anthropic client: a broken request is refused with 400",
        lambda: refused(anthropic.BadRequestError, extra_body={"temperature": 9}),
    )


def _responses(checks: Checks, world: World) -> None:
    through = openai_client(f"{world.main.url}/olla/openai/v1", world.main.sent.hook)

    def whole() -> None:
        answer = through.responses.create(model=VLLM_MODEL, input="Why is glass clear?")
        expect_equal(answer.status, "completed", "status")
        expect(answer.output_text, "no text")
        expect(answer.usage.output_tokens > 0, f"usage {answer.usage}")

    def streamed() -> None:
        text, last = "", None
        for event in through.responses.create(model=VLLM_MODEL, input="Why?", stream=True):
            last = event
            if event.type == "response.output_text.delta":
                text += event.delta
        expect_equal(last.type, "response.completed", "last event")
        expect_equal(last.response.output_text, text, "text of the deltas")

    def tool() -> None:
        function = {
            "type": "function",
            "name": TOOL["name"],
            "parameters": TOOL["input_schema"],
        }
        answer = through.responses.create(
            model=VLLM_MODEL, input="Weather?", tools=[function], tool_choice="required"
        )
        call_made = next(item for item in answer.output if item.type == "function_call")
        expect_equal(call_made.name, "weather", "name")

    def chat_tool() -> None:
        function = {"name": TOOL["name"], "parameters": TOOL["input_schema"]}
        answer = through.chat.completions.create(
            model=VLLM_MODEL,
            messages=QUESTION,
            tools=[{"type": "function", "function": function}],
            tool_choice="required",
        )
        made = answer.choices[0].message.tool_calls[0]
        expect_equal(made.function.name, "weather", "name")

    checks.run("openai client: a response", whole)
    checks.run("openai client: a streamed response", streamed)
    checks.run("openai client: a response calls a tool", tool)
    checks.run("openai client: a chat completion calls a tool", chat_tool)


def _counted(checks: Checks, native: Gateway, translated: Gateway) -> None:
    def metrics() -> None:
        for gateway, mode in ((native, "passthrough"), (translated, "translate")):
            lines = gateway.metrics().splitlines()
            name = "glasspot_translator_requests_total"
            values = {
                line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines
                if line.startswith(name)
            }
            good = sum(
                value for key, value in values.items() if f'mode="{mode}"' in key and 'result="ok"' in key
            )
            expect(good >= 5, f"{mode}: {values}")
            other = sum(value for key, value in values.items() if f'mode="{mode}"' not in key)
            expect_equal(other, 0, f"requests that were not {mode}")
        answer = call(f"{native.url}/internal/stats/translators").json()
        expect_equal(answer["translators"][0]["translator_name"], "anthropic", "name")
        expect_equal(answer["translators"][0]["passthrough_rate"], "100%", "passthrough rate")

    checks.run("translator statistics tell the mode of every message", metrics)

