"""What the clients of both lines of the Python SDK do alike: reads scripts, and prints what was seen.

In: one argument, a file with a JSON object of `at_once` (how many runs at a time) and `runs`, each of them an object
of `url`, `headers`, `version` (that it offers; or `auto`, which probes), `http2` and `steps`. Out: one line of JSON a
step and one of the answers' kinds, each a pair of the run's number and what was seen. What is named by chance, as
sessions are, is written `<chance>`, so that two runs against one server print the same lines.

A step says what to do (`do`) and with what, after how many events to cut the stream of its answer (`cut`), and what
then to wait for: so many tellings of `progress`, these `notifications`, these `questions` of the server. `since` (a
version) and `granted` are for who starts this program.
"""

import asyncio
import json
import logging
import re
import sys
import traceback

from mcp import types

PATIENCE = 15
# So soon does a client come back for the rest of a stream, in milliseconds, unless the server says when.
RECONNECTION = 100
# Sessions and ids of requests, the port, and subscriptions, which are counted over all runs.
CHANCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|http://127\.0\.0\.1:\d+|(?<=\"listen-)\d+(?=\")")
END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n")
ANSWERS = {"size": 42, "name": "Ada"}


def answers(heard):
    """What the user, and the user's model, say to all that a server asks."""

    async def sampling(_context, params):
        poem = types.TextContent(type="text", text="Roses are red.")
        return heard.asked("sampling/createMessage", params,
                           types.CreateMessageResult(role="assistant", content=poem, model="a-model"))

    async def elicitation(_context, params):
        return heard.asked("elicitation/create", params, types.ElicitResult(action="accept", content=ANSWERS))

    async def roots(_context):
        found = [types.Root(uri="file:///project", name="project")]
        return heard.asked("roots/list", None, types.ListRootsResult(roots=found))

    return {"sampling_callback": sampling, "elicitation_callback": elicitation, "list_roots_callback": roots}


class Conversation:
    """One run: its script, and what was heard beside the answers until a step takes it."""

    def __init__(self, number, script):
        self.number = number
        self.script = script
        self.notifications = []
        self.questions = []
        self.wire = set()
        self.cut = None
        self.is_done = False

    async def notified(self, message):
        self.notifications.append(plain(message))

    def asked(self, method, params, answer):
        self.questions.append({"method": method, "params": plain(params)})
        return answer

    def http(self, library):
        """A client of HTTP for the SDK, which remembers how it was answered."""

        async def answered(response):
            # The end of a session ends its stream, and a client that has the time comes back for that.
            if self.is_done and response.request.method == "GET":
                return
            kind = response.headers.get("content-type", "").split(";")[0]
            self.wire.add(f"{response.request.method} {response.status_code} {kind}".rstrip())

        http2 = self.script.get("http2", False)
        below = library.AsyncHTTPTransport(http1=not http2, http2=http2)
        return library.AsyncClient(headers=self.script.get("headers"), timeout=PATIENCE * 2,
                                   transport=_cutting(library, below, self), event_hooks={"response": [answered]})

    async def saw(self, step, acting, error_of):
        self.cut = step.get("cut")
        try:
            seen = {"saw": plain(await acting)}
        except Exception as problem:
            # What went wrong beneath a group of tasks.
            while getattr(problem, "exceptions", None):
                problem = problem.exceptions[0]
            seen = {"error": error_of(problem) or {"kind": type(problem).__name__, "message": str(problem)}}
        for kind, pending in (("notifications", self.notifications), ("questions", self.questions)):
            if kind in step and "saw" in seen:
                seen[kind] = await take(pending, step[kind])
        self.show({"step": {key: value for key, value in step.items() if key in ("do", "name", "uri")}, **seen})
        return "saw" in seen

    def show(self, line):
        print(CHANCE.sub("<chance>", json.dumps([self.number, line], sort_keys=True)), flush=True)

    def end(self):
        self.show({"answers": sorted(self.wire)})


def _cutting(library, below, conversation):
    """Sends requests on, and breaks the connection within the answer to one if the step at hand wants that."""

    class Cut(library.AsyncByteStream):
        def __init__(self, stream, events):
            self.stream = stream
            self.events = events

        async def __aiter__(self):
            read = b""
            async for chunk in self.stream:
                known = len(read)
                read += chunk
                ends = [found.end() for found in END_OF_EVENT.finditer(read)]
                if len(ends) >= self.events:
                    yield read[known:ends[self.events - 1]]
                    raise library.ReadError("cut")
                yield chunk

        async def aclose(self):
            await self.stream.aclose()

    class Cutting(library.AsyncBaseTransport):
        async def handle_async_request(self, request):
            response = await below.handle_async_request(request)
            is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
            if conversation.cut and request.method == "POST" and is_stream:
                response.stream = Cut(response.stream, conversation.cut)
                conversation.cut = None
            return response

        async def aclose(self):
            await below.aclose()

    return Cutting()


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
        page = plain(await fetch(cursor))
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


async def cancel(client, step, tell=None):
    """Calls, and gives the call up as soon as it says that it is under way; `tell` tells so, where the SDK does not."""
    under_way = asyncio.Event()

    async def told(*_):
        under_way.set()

    running = asyncio.create_task(client.call_tool(step["name"], step.get("arguments"), progress_callback=told))
    waiting = asyncio.create_task(under_way.wait())
    await asyncio.wait([running, waiting], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if tell and not running.done():
        await tell()
    running.cancel()
    await asyncio.wait([running])
    return {"cancelled": running.cancelled(), "problem": None if running.cancelled() else str(running.exception())}


async def _all(work, converse):
    free = asyncio.Semaphore(work["at_once"])

    async def one(number, script):
        async with free:
            await converse(Conversation(number, script))

    ended = await asyncio.gather(*(one(*run) for run in enumerate(work["runs"])), return_exceptions=True)
    for problem in filter(None, ended):
        traceback.print_exception(type(problem), problem, problem.__traceback__)


def main(converse):
    logging.disable(logging.CRITICAL)
    with open(sys.argv[1], encoding="utf-8") as work:
        asyncio.run(_all(json.load(work), converse))
