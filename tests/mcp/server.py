"""A server of the official Python SDK that uses all that the protocol has.

In: `--json` for answers that are no streams, `--store` for streams that can be resumed. Out: one line with the port
of 127.0.0.1 that it listens on; the endpoint is `/mcp`. Serves every version that the SDK knows. What it answers
depends on the calls alone: no time, no chance.
"""

import asyncio
import dataclasses
import sys
import warnings
from typing import Annotated

from mcp import types
from mcp.server.caching import CacheHint
from mcp.server.mcpserver import Context, Elicit, ElicitationResult, Image, ListRoots, MCPServer, Resolve, Sample
from mcp.shared.exceptions import MCPError, MCPDeprecationWarning
from pydantic import BaseModel, Field

from serving import PIXEL, RETRY, Events, documents, serve, words_like

PAGE = 5


async def pages(context, call_next):
    """Hands out the list of tools in pages, which this SDK's servers do not do by themselves."""
    if context.method != "tools/list":
        return await call_next(context)
    cursor = (context.params or {}).get("cursor")
    begin = int(cursor) if cursor else 0
    bare = {name: value for name, value in (context.params or {}).items() if name != "cursor"}
    result = await call_next(dataclasses.replace(context, params=bare or None))
    whole = result if isinstance(result, dict) else result.model_dump(by_alias=True, mode="json", exclude_none=True)
    tools = whole["tools"]
    rest = {"nextCursor": str(begin + PAGE)} if begin + PAGE < len(tools) else {}
    return {**whole, "tools": tools[begin:begin + PAGE], **rest}


events = Events()
server = MCPServer(
    "own", version="1.0.0", title="A server of the tests", instructions="Add numbers, and ask if in doubt.",
    middleware=[pages], log_level="ERROR",
    # A list that says of itself that anybody may have it.
    cache_hints={"tools/list": CacheHint(ttl_ms=60_000, scope="public")})


class Sum(BaseModel):
    sum: int


class Size(BaseModel):
    size: int


@server.tool(annotations=types.ToolAnnotations(read_only_hint=True, title="Adds"))
def add(a: int, b: int) -> Sum:
    """Adds two numbers."""
    return Sum(sum=a + b)


@server.tool()
def echo(text: str) -> str:
    """Gives back the text."""
    return text


@server.tool()
def fail() -> str:
    """Fails, as a tool does."""
    raise ValueError("no paper in the printer")


@server.tool()
def refuse() -> str:
    """Fails, as the protocol does."""
    raise MCPError(code=-31000, message="the printer is on fire", data={"floor": 3})


@server.tool()
def picture() -> Image:
    """A picture of one pixel."""
    return Image(data=PIXEL, format="png")


@server.tool()
async def count(to: int, context: Context) -> str:
    """Counts, and tells how far it is."""
    for number in range(1, to + 1):
        await context.report_progress(number, to, f"at {number}")
        await context.info(f"counted {number}")
    return f"counted to {to}"


@server.tool()
async def linger(context: Context) -> str:
    """Ends its stream before it is done; the client is to come back for the rest."""
    await context.report_progress(1, 2, "halfway")
    await events.left(context.close_sse_stream)
    await context.report_progress(2, 2, "there")
    return "done"


Region = Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]
Floor = Annotated[int, Field(json_schema_extra={"x-mcp-header": "Floor"})]


@server.tool()
def place(region: Region, floor: Floor, context: Context) -> str:
    """Tells which fields of the header the newest version's clients repeat arguments in."""
    told = {name: value for name, value in context.headers.items() if name.lower().startswith("mcp-param-")}
    return f"{region}, {floor}: {sorted(told.items())}"


cancellations = 0


@server.tool()
async def wait(context: Context) -> str:
    """Waits until it is cancelled."""
    global cancellations
    await context.report_progress(0, 1, "waiting")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        cancellations += 1
        raise
    return "nobody cancelled"


@server.tool()
async def waited() -> str:
    """Says that a call of `wait` was cancelled, and forgets it."""
    global cancellations
    for _ in range(500):
        if cancellations:
            cancellations -= 1
            return "cancelled"
        await asyncio.sleep(0.02)
    return "not cancelled"


async def which_size() -> Elicit[Size]:
    return Elicit("Which size?", Size)


async def a_poem(theme: str) -> Sample:
    question = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=f"A poem on {theme}"))
    return Sample([question], max_tokens=50)


async def the_roots() -> ListRoots:
    return ListRoots()


@server.tool()
async def ask(size: Annotated[ElicitationResult[Size], Resolve(which_size)]) -> str:
    """Asks the user."""
    return f"{size.action}: {size.data.size if size.action == 'accept' else 'nothing'}"


@server.tool()
async def sample(theme: str, poem: Annotated[types.CreateMessageResult, Resolve(a_poem)]) -> str:
    """Asks the user's model."""
    return f"{poem.model} on {theme}: {poem.content.text}"


@server.tool()
async def roots(found: Annotated[types.ListRootsResult, Resolve(the_roots)]) -> str:
    """Asks for the user's folders."""
    return " ".join(str(root.uri) for root in found.roots)


@server.tool()
async def change(description: str, context: Context) -> str:
    """Gives the tool `changing` another description, and tells."""
    server.remove_tool("changing")
    server.add_tool(changing, description=description)
    await context.notify_tools_changed()
    await context.session.send_tool_list_changed()
    await context.notify_resource_updated("docs://readme")
    await context.session.send_resource_updated("docs://readme")
    return "changed"


# Last in the list, and so it is after each change.
def changing() -> str:
    return "as ever"


server.add_tool(changing, description="Does as it always did.")


documents(server)


@server.completion()
async def complete(reference, argument, context):
    return types.Completion(values=words_like(argument.value), has_more=False)


def main():
    warnings.simplefilter("ignore", MCPDeprecationWarning)
    storing = {"event_store": events, "retry_interval": RETRY} if "--store" in sys.argv else {}
    serve(server.streamable_http_app(json_response="--json" in sys.argv, **storing))


if __name__ == "__main__":
    main()
