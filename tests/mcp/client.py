"""A client of the official Python SDK: goes through a script, and prints what it saw.

In: one argument, a JSON object of `url`, `headers`, `version` (that it offers; or `auto`, which probes) and `steps`.
Out: one line of JSON a step, and one of the answers' kinds. What is named by chance, as sessions are, is written
`<chance>`, so that two runs against one server print the same lines.

A step says what to do (`do`) and with what, and what then to wait for: so many tellings of `progress`, these
`notifications`, these `questions` of the server. `since` (a version) and `granted` are for who starts this program.
"""

import asyncio
import json
import logging
import re
import sys
import warnings
from contextlib import AsyncExitStack

import httpx2
import mcp.client.session
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

PATIENCE = 15
CHANCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|http://127\.0\.0\.1:\d+")


class Heard:
    """What the server said and asked beside its answers, until a step takes it."""

    def __init__(self):
        self.notifications = []
        self.questions = []

    async def notified(self, message):
        self.notifications.append(plain(message))

    def asked(self, method, params, answer):
        self.questions.append({"method": method, "params": plain(params)})
        return answer

    async def sampling(self, _context, params):
        poem = types.TextContent(type="text", text="Roses are red.")
        return self.asked("sampling/createMessage", params,
                          types.CreateMessageResult(role="assistant", content=poem, model="a-model"))

    async def elicitation(self, _context, params):
        return self.asked("elicitation/create", params,
                          types.ElicitResult(action="accept", content={"size": 42, "name": "Ada"}))

    async def roots(self, _context):
        roots = [types.Root(uri="file:///project", name="project")]
        return self.asked("roots/list", None, types.ListRootsResult(roots=roots))


def plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True, mode="json", exclude_none=True)
    return value


async def take(pending, methods):
    """Waits until all methods are there, each as often as it is named, and takes them out."""
    taken = []
    for method in methods:
        for _ in range(PATIENCE * 100):
            found = next((message for message in pending if message["method"] == method), None)
            if found:
                break
            await asyncio.sleep(0.01)
        if not found:
            return {"missing": method, "taken": taken}
        pending.remove(found)
        taken.append(found)
    return taken


async def pages(fetch, member):
    """Each page as it came, so that also a page's own members are seen."""
    found, cursor = [], None
    while True:
        page = plain(await fetch(cursor=cursor))
        found.append(page)
        cursor = page.get("nextCursor")
        if not cursor:
            return {"pages": found, "count": sum(len(page[member]) for page in found)}


async def call(client, step):
    progress = []

    async def told(number, total, message):
        progress.append([number, total, message])

    result = await client.call_tool(step["name"], step.get("arguments"), progress_callback=told)
    for _ in range(PATIENCE * 100):
        if len(progress) >= step.get("progress", 0):
            break
        await asyncio.sleep(0.01)
    return {"result": plain(result), "progress": progress}


async def cancel(client, step):
    """Calls, and gives the call up as soon as it says that it is under way."""
    under_way = asyncio.Event()

    async def told(*_):
        under_way.set()

    running = asyncio.create_task(client.call_tool(step["name"], step.get("arguments"), progress_callback=told))
    await asyncio.wait_for(under_way.wait(), PATIENCE)
    running.cancel()
    await asyncio.wait([running])
    return {"cancelled": running.cancelled()}


async def subscribe(client, stack, step):
    if client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        return await client.subscribe_resource(step["uri"])
    listening = client.listen(tools_list_changed=True, resource_subscriptions=[step["uri"]])
    return (await stack.enter_async_context(listening)).honored


async def act(client, stack, step):
    match step["do"]:
        case "tools":
            return await pages(client.list_tools, "tools")
        case "resources":
            return await pages(client.list_resources, "resources")
        case "templates":
            return await pages(client.list_resource_templates, "resourceTemplates")
        case "prompts":
            return await pages(client.list_prompts, "prompts")
        case "call":
            return await call(client, step)
        case "cancel":
            return await cancel(client, step)
        case "read":
            return await client.read_resource(step["uri"])
        case "prompt":
            return await client.get_prompt(step["name"], step.get("arguments"))
        case "complete":
            return await client.complete(types.PromptReference(name=step["name"]), step["argument"])
        case "subscribe":
            return await subscribe(client, stack, step)
        case "level":
            return await client.set_logging_level(step["level"])
        case "ping":
            return await client.send_ping()
    raise ValueError(f"no step `{step['do']}`")


async def saw(step, heard, acting):
    try:
        seen = {"saw": plain(await acting)}
    except Exception as problem:
        # What went wrong beneath a group of tasks.
        while getattr(problem, "exceptions", None):
            problem = problem.exceptions[0]
        if isinstance(problem, MCPError):
            seen = {"error": plain(problem.error)}
        else:
            seen = {"error": {"kind": type(problem).__name__, "message": str(problem)}}
    for kind, pending in (("notifications", heard.notifications), ("questions", heard.questions)):
        if kind in step and "saw" in seen:
            seen[kind] = await take(pending, step[kind])
    show({"step": {key: value for key, value in step.items() if key in ("do", "name", "uri")}, **seen})
    return "saw" in seen


def show(line):
    print(CHANCE.sub("<chance>", json.dumps(line, sort_keys=True)), flush=True)


async def run(script):
    heard, wire = Heard(), set()

    async def answered(response):
        kind = response.headers.get("content-type", "").split(";")[0]
        wire.add(f"{response.request.method} {response.status_code} {kind}".rstrip())

    version = script["version"]
    if version in HANDSHAKE_PROTOCOL_VERSIONS:
        # The SDK always offers its newest; there is no option for another.
        mcp.client.session.LATEST_HANDSHAKE_VERSION = version
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(httpx2.AsyncClient(
            headers=script.get("headers"), timeout=PATIENCE * 2, event_hooks={"response": [answered]}))
        client = Client(
            streamable_http_client(script["url"], http_client=transport),
            mode="legacy" if version in HANDSHAKE_PROTOCOL_VERSIONS else version, read_timeout_seconds=PATIENCE,
            log_level="info", cache=None,
            sampling_callback=heard.sampling, elicitation_callback=heard.elicitation,
            list_roots_callback=heard.roots, message_handler=heard.notified)

        async def connect():
            await stack.enter_async_context(client)
            return {"version": client.protocol_version, "server": plain(client.server_info),
                    "capabilities": plain(client.server_capabilities), "instructions": client.instructions}

        if await saw({"do": "connect"}, heard, connect()):
            for step in script["steps"]:
                await saw(step, heard, act(client, stack, step))
    show({"answers": sorted(wire)})


if __name__ == "__main__":
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    logging.disable(logging.CRITICAL)
    asyncio.run(run(json.loads(sys.argv[1])))
