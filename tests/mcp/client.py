"""A client of the official Python SDK. script.py says what it reads and prints."""

import asyncio
import warnings
from contextlib import AsyncExitStack

import httpx2
import mcp.client.session
import mcp.client.streamable_http
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS

import script
from script import PATIENCE, RECONNECTION, pages, plain

# The version that is offered is the module's, and so one run at a time may offer one.
offering = asyncio.Lock()


async def subscribe(client, stack, step):
    if client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
        return await client.subscribe_resource(step["uri"])
    listening = client.listen(tools_list_changed=True, resource_subscriptions=[step["uri"]])
    return (await stack.enter_async_context(listening)).honored


async def act(client, stack, step):
    match step["do"]:
        case "tools":
            return await pages(lambda cursor: client.list_tools(cursor=cursor), "tools")
        case "resources":
            return await pages(lambda cursor: client.list_resources(cursor=cursor), "resources")
        case "templates":
            return await pages(lambda cursor: client.list_resource_templates(cursor=cursor), "resourceTemplates")
        case "prompts":
            return await pages(lambda cursor: client.list_prompts(cursor=cursor), "prompts")
        case "call":
            return await script.call(client, step)
        case "cancel":
            return await script.cancel(client, step)
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


def error_of(problem):
    return plain(problem.error) if isinstance(problem, MCPError) else None


async def converse(heard):
    version = heard.script["version"]
    is_older = version in HANDSHAKE_PROTOCOL_VERSIONS
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(heard.http(httpx2))
        client = Client(
            streamable_http_client(heard.script["url"], http_client=transport),
            mode="legacy" if is_older else version, read_timeout_seconds=PATIENCE, log_level="info", cache=None,
            message_handler=heard.notified, **script.answers(heard))

        async def connect():
            async with offering:
                # The SDK always offers its newest; there is no option for another.
                mcp.client.session.LATEST_HANDSHAKE_VERSION = version if is_older else HANDSHAKE_PROTOCOL_VERSIONS[-1]
                await stack.enter_async_context(client)
            return {"version": client.protocol_version, "server": plain(client.server_info),
                    "capabilities": plain(client.server_capabilities), "instructions": client.instructions}

        if await heard.saw({"do": "connect"}, connect(), error_of):
            for step in heard.script["steps"]:
                await heard.saw(step, act(client, stack, step), error_of)
        heard.is_done = True
    heard.end()


if __name__ == "__main__":
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    mcp.client.streamable_http.DEFAULT_RECONNECTION_DELAY_MS = RECONNECTION
    script.main(converse)
