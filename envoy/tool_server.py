#!/usr/bin/env python3
"""A sample tool server: it takes any call, reads its body, and answers with what it got.

In: HTTP/1.1 requests; below `/mcp/`, messages for an MCP server. Out: a JSON answer, and one line of text for each call.
Has no rules of its own: it trusts `x-forwarded-agent`, as a tool behind the gateway may.
"""

import argparse
import http.server
import json
from typing import NamedTuple

ONE_LINE_BYTES = 64 * 1024  # of a chunk's size or of a trailer, with room to spare


# What the MCP server lists. The policy pins another `create_issue`, and knows no `delete_project`.
LISTED = [
    {"name": "search_issues", "description": "Finds issues.",
     "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}}},
    {"name": "create_issue", "description": "Writes an issue.", "inputSchema": {"type": "object"}},
    {"name": "delete_project", "description": "Deletes all of it.", "inputSchema": {"type": "object"}},
]


class Call(NamedTuple):
    """One call as the tool saw it."""

    method: str
    path: str
    headers: list  # of pairs, as they came
    body: bytes

    def agents(self):
        """Every copy of the header that says who calls: there should be one."""
        return [value for name, value in self.headers if name.lower().replace("_", "-") == "x-forwarded-agent"]

    def __str__(self):
        return f"{self.method} {self.path} by {', '.join(self.agents()) or 'nobody'}: {len(self.body)} bytes"


class ToolServer(http.server.ThreadingHTTPServer):
    """Serves until it is shut down, and shows each call to `on_call`."""

    daemon_threads = True

    def __init__(self, address, on_call):
        super().__init__(address, _Handler)
        self.on_call = on_call


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # with keep-alive
    wbufsize = -1  # header and body leave in one piece

    def answer(self):
        call = Call(self.command, self.path, self.headers.items(), self._body())
        self.server.on_call(call)
        answer = mcp_answer(call) if call.path.startswith("/mcp/") else {
            "tool": call.path.rsplit("/", 1)[-1],
            "agent": ", ".join(call.agents()) or None,
            "received": call.body.decode("utf-8", "replace"),
        }
        text = json.dumps(answer).encode() + b"\n"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = answer

    def _body(self):
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _chunks(self):
        while size := int(self.rfile.readline(ONE_LINE_BYTES).split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline(ONE_LINE_BYTES)
        while self.rfile.readline(ONE_LINE_BYTES).strip():
            pass  # trailers

    def log_message(self, *_):
        pass  # `on_call` is shown more than this would say


def mcp_answer(call):
    """What an MCP server of few words answers, also to a message that it does not know."""
    try:
        message = json.loads(call.body)
        method, given = message["method"], message.get("params", {})
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}}
    results = {
        "initialize": {"protocolVersion": given.get("protocolVersion"), "capabilities": {"tools": {}},
                       "serverInfo": {"name": "sample", "version": "1"}},
        "ping": {},
        "tools/list": {"tools": LISTED},
        "tools/call": {"content": [{"type": "text", "text": f"{given.get('name')} for {', '.join(call.agents())}"}]},
    }
    if method not in results:
        return {"jsonrpc": "2.0", "id": message.get("id"), "error": {"code": -32601, "message": "Method not found"}}
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": results[method]}


def main():
    parser = argparse.ArgumentParser(description="A sample tool server: answers every call with what it got.")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0 takes any free one (default: %(default)s)")
    options = parser.parse_args()
    with ToolServer((options.address, options.port), lambda call: print(call, flush=True)) as server:
        place = f"http://{options.address}:{server.server_port}"
        print(f"tools at {place}/tools/..., an MCP server at {place}/mcp/...", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
