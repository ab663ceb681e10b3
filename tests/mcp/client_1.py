"""A client of the official Python SDK, the line before 2026-07-28. script.py says what it reads and prints."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import mcp.client.streamable_http
from mcp import ClientSession, McpError, types
from mcp.client.streamable_http import streamable_http_client
from pydantic import AnyUrl

import script
from script import PATIENCE, RECONNECTION, pages, plain

# The version that is offered is the module's, and so one run at a time may offer one.
offering = asyncio.Lock()


async def listed(fetch, member):
    return await pages(lambda cursor: fetch(params=types.PaginatedRequestParams(cursor=cursor)), member)


async def cancel(session, step):
    """This line lets go of a call without a word to the server; the protocol wants one."""
    running = session._request_id

    async def tell():
        params = types.CancelledNotificationParams(requestId=running, reason="enough")
        await session.send_notification(types.ClientNotification(types.CancelledNotification(params=params)))

    return await script.cancel(session, step, tell)


async def act(session, step):
    match step["do"]:
        case "tools":
            return await listed(session.list_tools, "tools")
        case "resources":
            return await listed(session.list_resources, "resources")
        case "templates":
            return await listed(session.list_resource_templates, "resourceTemplates")
        case "prompts":
            return await listed(session.list_prompts, "prompts")
        case "call":
            return await script.call(session, step)
        case "cancel":
            return await cancel(session, step)
        case "read":
            return await session.read_resource(AnyUrl(step["uri"]))
        case "prompt":
            return await session.get_prompt(step["name"], step.get("arguments"))
        case "complete":
            return await session.complete(types.PromptReference(type="ref/prompt", name=step["name"]), step["argument"])
        case "subscribe":
            return await session.subscribe_resource(AnyUrl(step["uri"]))
        case "level":
            return await session.set_logging_level(step["level"])
        case "ping":
            return await session.send_ping()
    raise ValueError(f"no step `{step['do']}`")


def error_of(problem):
    return plain(problem.error) if isinstance(problem, McpError) else None


async def converse(heard):
    try:
        async with AsyncExitStack() as stack:
            await go_through(heard, stack)
    except Exception as problem:
        # This line lets go of the whole connection at an answer with a status from 400 on.
        while getattr(problem, "exceptions", None):
            problem = problem.exceptions[0]
        heard.show({"lost": {"kind": type(problem).__name__, "message": str(problem)}})
    heard.end()


async def go_through(heard, stack):
    async def notified(message):
        if isinstance(message, types.ServerNotification):
            await heard.notified(message.root)

    session = None

    async def connect():
        nonlocal session
        transport = await stack.enter_async_context(heard.http(httpx))
        read, write, _ = await stack.enter_async_context(
            streamable_http_client(heard.script["url"], http_client=transport))
        session = await stack.enter_async_context(ClientSession(
            read, write, read_timeout_seconds=timedelta(seconds=PATIENCE), message_handler=notified,
            **script.answers(heard)))
        async with offering:
            # The SDK always offers its newest; there is no option for another.
            types.LATEST_PROTOCOL_VERSION = heard.script["version"]
            begun = await session.initialize()
        return {"version": begun.protocolVersion, "server": plain(begun.serverInfo),
                "capabilities": plain(begun.capabilities), "instructions": begun.instructions}

    if await heard.saw({"do": "connect"}, connect(), error_of):
        for step in heard.script["steps"]:
            await heard.saw(step, act(session, step), error_of)
    heard.is_done = True


if __name__ == "__main__":
    mcp.client.streamable_http.DEFAULT_RECONNECTION_DELAY_MS = RECONNECTION
    script.main(converse)
