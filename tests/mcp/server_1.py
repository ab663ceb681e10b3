"""A server of the official Python SDK, the line before 2026-07-28, which keeps its streams' events for resumption.

In: nothing. Out: one line with the port of 127.0.0.1 that it listens on; the endpoint is `/mcp`. What it answers
depends on the calls alone: no time, no chance.
"""

import asyncio

from mcp import McpError, types
from mcp.server.fastmcp import Context, FastMCP, Image
from pydantic import AnyUrl, BaseModel

from serving import PIXEL, RETRY, Events, documents, serve, words_like

events = Events()
server = FastMCP("older", instructions="Add numbers, and ask if in doubt.", log_level="ERROR", event_store=events,
                 retry_interval=RETRY)


class Sum(BaseModel):
    sum: int


class Size(BaseModel):
    size: int


@server.tool(annotations=types.ToolAnnotations(readOnlyHint=True, title="Adds"))
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
    """Fails, as the protocol does; this line makes it a tool's failure."""
    raise McpError(types.ErrorData(code=-31000, message="the printer is on fire", data={"floor": 3}))


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


@server.tool()
def place(region: str, floor: int) -> str:
    """Where it is."""
    return f"{region}, {floor}"


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


@server.tool()
async def ask(context: Context) -> str:
    """Asks the user."""
    size = await context.elicit("Which size?", Size)
    return f"{size.action}: {size.data.size if size.action == 'accept' else 'nothing'}"


@server.tool()
async def sample(theme: str, context: Context) -> str:
    """Asks the user's model."""
    question = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=f"A poem on {theme}"))
    poem = await context.session.create_message([question], max_tokens=50, related_request_id=context.request_id)
    return f"{poem.model} on {theme}: {poem.content.text}"


@server.tool()
async def roots(context: Context) -> str:
    """Asks for the user's folders, on the stream that is open for all."""
    found = await context.session.list_roots()
    return " ".join(str(root.uri) for root in found.roots)


@server.tool()
async def change(description: str, context: Context) -> str:
    """Gives the tool `changing` another description, and tells."""
    server.remove_tool("changing")
    server.add_tool(changing, description=description)
    await context.session.send_tool_list_changed()
    await context.session.send_resource_updated(AnyUrl("docs://readme"))
    return "changed"


# Last in the list, and so it is after each change.
def changing() -> str:
    return "as ever"


server.add_tool(changing, description="Does as it always did.")


documents(server)


@server.completion()
async def complete(reference, argument, context):
    return types.Completion(values=words_like(argument.value), hasMore=False)


if __name__ == "__main__":
    serve(server.streamable_http_app())
