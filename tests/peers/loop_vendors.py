"""Applications as people write them with the vendors' own SDKs: ask a model, call tools, ask again.

Runs in an environment of its own. On stdin a JSON array of plans: `vendor`, `model_url` of what
stands in for the vendors, `url` and `token` of the workspace, `calls_at` where calls are posted.
Prints a JSON array of what the model said last.
"""

import json
import sys
from typing import Any

import anthropic
import httpx
import openai
from google import genai
from google.genai import types

QUESTION = "What is 2 + 3, and what does the echo say?"


class Application:
    """One application, and the workspace that it has tools of."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.model_url = plan["model_url"]
        self.http = httpx.Client(headers={"Authorization": f"Bearer {plan['token']}"}, timeout=60)

    def tools(self, form: str, **more: str) -> Any:
        url = f"{self.plan['url']}/v1/tools"
        answer = self.http.get(url, params={"format": form, **more})
        return answer.raise_for_status().json()["tools"]

    def call(self, message: Any) -> Any:
        return self.http.post(self.plan["calls_at"], json=message).raise_for_status().json()


def chat(app: Application) -> str:
    client = openai.OpenAI(api_key="none", base_url=f"{app.model_url}/openai", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    offered = app.tools("openai", strict="auto")
    while True:
        answer = client.chat.completions.create(model="m", messages=messages, tools=offered)
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content or ""
        messages.append(message.model_dump(exclude_none=True))
        messages += app.call(messages[-1])["messages"]


def responses(app: Application) -> str:
    client = openai.OpenAI(api_key="none", base_url=f"{app.model_url}/openai", max_retries=0)
    items: list[Any] = [{"role": "user", "content": QUESTION}]
    offered = app.tools("openai-responses", strict="auto")
    while True:
        answer = client.responses.create(model="m", input=items, tools=offered)
        output = [item.model_dump(exclude_none=True) for item in answer.output]
        if all(item["type"] != "function_call" for item in output):
            return answer.output_text
        items += output
        items += app.call(output)["items"]


def messages(app: Application) -> str:
    client = anthropic.Anthropic(
        api_key="none", base_url=f"{app.model_url}/anthropic", max_retries=0
    )
    turns: list[Any] = [{"role": "user", "content": QUESTION}]
    offered = app.tools("anthropic", strict="auto")
    while True:
        answer = client.messages.create(model="m", max_tokens=99, messages=turns, tools=offered)
        if answer.stop_reason != "tool_use":
            return "".join(block.text for block in answer.content if block.type == "text")
        content = [block.model_dump(exclude_none=True) for block in answer.content]
        turns.append({"role": "assistant", "content": content})
        turns.append(app.call(turns[-1])["message"])


def contents(app: Application) -> str:
    client = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=app.model_url))
    turns: list[Any] = [types.UserContent(QUESTION)]
    config = types.GenerateContentConfig(
        tools=[types.Tool.model_validate(one) for one in app.tools("gemini")],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    while True:
        answer = client.models.generate_content(model="m", contents=turns, config=config)
        if not answer.function_calls:
            return answer.text or ""
        said = answer.candidates[0].content
        turns.append(said)
        done = app.call(said.model_dump(mode="json", exclude_none=True))
        turns.append(types.Content.model_validate(done["content"]))


LOOPS = {
    "openai": chat,
    "openai-responses": responses,
    "anthropic": messages,
    "gemini": contents,
}

if __name__ == "__main__":
    plans = json.load(sys.stdin)
    json.dump([LOOPS[plan["vendor"]](Application(plan)) for plan in plans], sys.stdout)
