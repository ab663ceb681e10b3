"""What the servers of both lines of the Python SDK do alike: listen on a port, say which, keep events, have documents."""

import asyncio
import logging
import socket

import uvicorn
from mcp.server.streamable_http import EventMessage, EventStore

# So soon does a client come back whose stream was cut, in milliseconds.
RETRY = 100
# No connection is closed for being idle, in seconds: that would meet requests which are just coming.
IDLE = 600
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f"
                      "00010501012718e3660000000049454e44ae426082")


class Events(EventStore):
    """All events of all streams, each with its place as its id. One without a message opens a stream."""

    def __init__(self):
        self.kept = []
        self.resumed = asyncio.Event()

    async def store_event(self, stream_id, message):
        self.kept.append((stream_id, message))
        return str(len(self.kept))

    async def replay_events_after(self, last_event_id, send_callback):
        stream, _ = self.kept[int(last_event_id) - 1]
        for place, (other, message) in enumerate(list(self.kept), 1):
            if place > int(last_event_id) and other == stream and message is not None:
                await send_callback(EventMessage(message, str(place)))
        self.resumed.set()
        return stream

    async def left(self, leave):
        """Ends a stream, and waits until somebody is back for the rest; what comes next, goes there at once."""
        self.resumed.clear()
        await leave()
        await self.resumed.wait()
        # What the SDK sends before it has made the stream that it was asked for again is lost.
        await asyncio.sleep(0.1)


def documents(server):
    """Resources, a template and a prompt."""

    @server.resource("docs://readme", name="readme", mime_type="text/markdown")
    def readme() -> str:
        """What this is about."""
        return "# About\n\nNothing much."

    @server.resource("docs://picture", name="picture", mime_type="image/png")
    def picture_of_it() -> bytes:
        """How it looks."""
        return PIXEL

    @server.resource("docs://pages/{name}", name="page")
    def page(name: str) -> str:
        """One page."""
        return f"the page {name}"

    @server.prompt()
    def review(text: str) -> str:
        """Asks for a review."""
        return f"Please review: {text}"


def words_like(begin):
    return [word for word in ("alpha", "beta", "better") if word.startswith(begin)]


def serve(app):
    logging.disable(logging.CRITICAL)
    listening = socket.create_server(("127.0.0.1", 0))
    # Else the second part of each answer waits 40 ms for the first one's acknowledgement; asyncio turns that off only
    # for sockets that it made itself.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_keep_alive=IDLE)
    uvicorn.Server(config).run(sockets=[listening])
