"""The calls of the demo: for each row of the table of answers, what is asked and what must come of it.

In: nothing. Out: cases for `envoy/demo`, written for `envoy/policy.yaml`.
Each request is spelled out in bytes, because some of them are wrong on purpose. Sends nothing.
"""

import gzip
import json
from dataclasses import dataclass, field, replace

UNKNOWN = "unknown"
# Names that well-formed requests use although the policy does not declare them.
UNDECLARED = {"stranger", "teleport", "Search"}

REFUSED_BY_ENVOY = "(Envoy itself)"
GRANTED = "granted"


@dataclass(frozen=True)
class Case:
    """One call. `agent` and `tool` are what the audit line must name."""

    about: str
    request: bytes
    status: int = 200
    reason: str = GRANTED
    agent: str = UNKNOWN
    tool: str = UNKNOWN
    listener: str = "tool_calls"
    # In shadow mode: forwarded although `reason` denies it.
    shadow: bool = False
    # Header fields that the answer must have: name to regular expression.
    headers: dict = field(default_factory=dict)
    # Repeat the call until it is answered with `status`; so many must have passed before.
    passes_first: int = 0
    # Worth printing in full.
    shows_answer: bool = False
    shows_audit: bool = False
    # Of a message for an MCP server: the server's name.
    server: str = ""
    # The reason that the agent is told, where that is another one.
    told: str = ""
    # The tools that the answer must list.
    lists: tuple = ()

    @property
    def reaches_tool(self):
        return self.reason == GRANTED or self.shadow

    @property
    def labels(self):
        """Agent and tool as the metrics must name them."""
        agent, tool = (UNKNOWN if name in UNDECLARED else name for name in (self.agent, self.tool))
        return agent, (f"{self.server}/{'' if tool == UNKNOWN else tool}" if self.server else tool)


def request(path, headers, body=b"", method="POST"):
    lines = [f"{method} {path} HTTP/1.1".encode(), b"host: tools.local", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


JSON = b"content-type: application/json"


def length(body):
    return b"content-length: %d" % len(body)


def chunked(body, *, whole=True):
    end = b"0\r\n\r\n" if whole else b""
    return b"%x\r\n%s\r\n%s" % (len(body), body, end)


def identity(agent):
    return b"x-agent-id: " + (agent if isinstance(agent, bytes) else agent.encode())


def of_arguments(arguments):
    return json.dumps({"arguments": arguments}).encode()


QUESTION = of_arguments({"q": "weather in Rome"})


def asked(about, agent, tool, arguments=None, *, body=None, more=(), **expected):
    """A call in good form, but for what is given otherwise."""
    if body is None:
        body = QUESTION if arguments is None else of_arguments(arguments)
    headers = [identity(agent), JSON, length(body), *more]
    case = Case(about, request(f"/tools/{tool}", headers, body), agent=agent, tool=tool)
    return replace(case, **expected)


def search(about, status, reason, **options):
    return asked(about, "research-agent", "search", status=status, reason=reason, **options)


def bare_search(about, lines, body=QUESTION, **expected):
    """A call of `search` whose headers stand in `lines`."""
    return replace(Case(about, request("/tools/search", lines, body)), **expected)


def allowed():
    spoofed = [b"x-forwarded-agent: admin", b"x-forwarded-agent: root"]
    limits = {"ratelimit-policy": r'"tool-rate";q=60;w=60, ', "ratelimit": r'"tool-rate";r=\d+;t=\d+, '}
    by = {"agent": "research-agent", "tool": "search"}
    pieces = [identity("research-agent"), JSON, b"transfer-encoding: chunked"]
    return [
        search("research-agent: search", 200, GRANTED, headers=limits, shows_answer=True),
        search("... with a forged x-forwarded-agent, twice", 200, GRANTED, more=spoofed),
        bare_search("... in chunks", pieces, chunked(QUESTION), **by),
        asked("research-agent: fetch, with an API key", "research-agent", "fetch",
              {"url": "https://example.org/", "api_key": "k-12345"}, shows_audit=True),
        asked("dev-agent: code_executor", "dev-agent", "code_executor", {"code": "print(1)"},
              headers={"ratelimit": r'.*"tool-quota";r=999;'}),
    ]


def shadow():
    return [
        asked("research-agent: summarize, not granted", "research-agent", "summarize", {"text": "a long story"},
              reason="tool_not_granted", shadow=True, shows_audit=True),
    ]


def unidentified():
    rest = [JSON, length(QUESTION)]

    def named(about, lines, reason, scheme="Agent", **more):
        return bare_search(about, [*lines, *rest], status=401, reason=reason, headers={"www-authenticate": scheme},
                           tool="search", **more)

    return [
        named("no agent id", [], "identity_missing", "Bearer"),
        named("one beside a token that nobody verified", [identity("research-agent"), b"authorization: Bearer e30.e30."],
              "identity_unverified", "Bearer"),
        named("an empty agent id", [identity("")], "identity_malformed"),
        named("two agent ids", [identity("research-agent"), identity("dev-agent")], "identity_ambiguous",
              shows_audit=True),
        named("one with a byte that is not UTF-8", [identity(b"research-agent\xff")], "identity_malformed"),
        named("one that is no id", [identity("research-agent, dev-agent")], "identity_malformed"),
        bare_search("a twin, x_agent_id, beside it", [identity("research-agent"), b"x_agent_id: dev-agent", *rest],
                    status=400, reason=REFUSED_BY_ENVOY),
    ]


def not_found():
    return [
        asked("dev-agent: teleport, which nobody declared", "dev-agent", "teleport", status=404, reason="tool_unknown"),
        asked("dev-agent: Search, which is not search", "dev-agent", "Search", status=404, reason="tool_unknown"),
    ]


def not_granted():
    return [
        asked("support-agent: code_executor", "support-agent", "code_executor", {"code": "print(1)"},
              status=403, reason="tool_not_granted"),
        asked("stranger: search", "stranger", "search", status=403, reason="agent_unknown"),
    ]


def badly_formed():
    by = {"agent": "research-agent", "tool": "search"}
    name = identity("research-agent")
    packed = gzip.compress(QUESTION)
    over = 64 * 1024 + 1  # the default limit of the policy, and a byte
    get = Case("GET", request("/tools/search", [name], method="GET"), 405, "method_not_allowed",
               headers={"allow": "POST"}, **by)
    return [
        get,
        bare_search("text/plain", [name, b"content-type: text/plain", length(QUESTION)],
                    status=415, reason="media_type_unsupported", **by),
        bare_search("a compressed body", [name, JSON, b"content-encoding: gzip", length(packed)], packed,
                    status=415, reason="content_encoding_unsupported", **by),
        bare_search("too large, by its content-length", [name, JSON, b"content-length: %d" % over], b"",
                    status=413, reason="body_too_large", **by),
        bare_search("too large, found out while it comes", [name, JSON, b"transfer-encoding: chunked"],
                    chunked(b" " * over, whole=False), status=413, reason="body_too_large", **by),
    ]


def bad_bodies():
    def body(about, reason, text):
        return search(about, 400, reason, body=text)

    question = Case("a query, which no check would see",
                    request("/tools/search?q=x", [identity("research-agent"), JSON, length(QUESTION)], QUESTION),
                    400, "query_not_allowed", "research-agent", "search")
    return [
        question,
        body("no body", "body_missing", b""),
        body("not JSON", "body_malformed", b'{"arguments": {"q": "x"}'),
        body("a key that stands twice", "body_malformed", b'{"arguments": {"q": "x", "\\u0071": "y"}}'),
        body("a number that readers read differently", "body_malformed", b'{"arguments": {"n": 9007199254740993}}'),
        body("no arguments", "body_shape", b'{"q": "x"}'),
        body("something beside the arguments", "body_shape", b'{"arguments": {}, "tool": "code_executor"}'),
    ]


def bad_arguments():
    def code(about, arguments=None, **options):
        return asked(about, "dev-agent", "code_executor", arguments, status=400, reason="argument_blocked", **options)

    def mail(about, arguments, **options):
        return asked(about, "support-agent", "send_mail", arguments, status=400, reason="argument_invalid", **options)

    return [
        search("research-agent: search, 501 letters of 500", 400, "argument_too_long",
               body=of_arguments({"q": "x" * 501})),
        mail("support-agent: send_mail, without an address", {"subject": "hello"}, shows_answer=True, shows_audit=True),
        mail("... with one that is none", {"to": "everybody"}),
        mail("... with one that its schema does not name", {"to": "a@example.org", "bcc": "b@example.org"}),
        asked("dev-agent: fetch, http in place of https", "dev-agent", "fetch", {"url": "http://example.org/"},
              status=400, reason="argument_invalid"),
        code("dev-agent: code_executor, `rm -rf`", {"code": "rm -rf /"}, shows_answer=True, shows_audit=True),
        code("... in other letters' case", {"code": "drop Table users"}),
        code("... escaped", body=b'{"arguments": {"code": "\\u0072\\u006d -rf /"}}'),
        code("... deep in a list", {"steps": [1, {"run": ["ls", "os.system('ls')"]}]}),
        code("... in a key", {"os.system": True}),
    ]


def limits():
    def spent(name):
        return {"retry-after": r"[1-9]\d*$", "ratelimit": rf'"{name}";r=0;t=[1-9]\d*', "ratelimit-policy": f'"{name}"'}

    return [
        asked("support-agent: search, 60/minute", "support-agent", "search", status=429, reason="rate_exceeded",
              headers=spent("tool-rate"), passes_first=60, shows_answer=True),
        asked("support-agent: send_mail, 200/day", "support-agent", "send_mail", {"to": "a@example.org"},
              status=429, reason="quota_exceeded", headers=spent("tool-quota"), passes_first=200, shows_audit=True),
        asked("dev-agent: code_executor, 998 of 1000 left", "dev-agent", "code_executor", {"code": "print(2)"},
              headers={"ratelimit": r'.*"tool-quota";r=998;'}),
    ]


def mcp():
    def message(about, agent, method, params=None, **expected):
        more = {"params": params} if params else {}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, **more}).encode()
        headers = [identity(agent), JSON, b"accept: application/json, text/event-stream",
                   b"mcp-protocol-version: 2025-11-25", length(body)]
        return replace(Case(about, request("/mcp/issues", headers, body), agent=agent, server="issues"), **expected)

    def call(about, agent, tool, arguments, **expected):
        return message(about, agent, "tools/call", {"name": tool, "arguments": arguments}, tool=tool, **expected)

    return [
        message("research-agent: tools/list, of three tools", "research-agent", "tools/list", lists=("search_issues",),
                shows_answer=True),
        call("research-agent: search_issues", "research-agent", "search_issues", {"q": "crash"}, shows_audit=True),
        call("... something blocked: told to the model", "research-agent", "search_issues", {"q": "BEGIN PRIVATE KEY"},
             reason="argument_blocked", shows_answer=True),
        call("research-agent: create_issue", "research-agent", "create_issue", {"title": "x"}, status=403,
             reason="tool_not_granted", told="tool_unknown", shows_answer=True),
        call("dev-agent: create_issue, not as pinned", "dev-agent", "create_issue", {"title": "x"}, status=403,
             reason="tool_changed", shows_audit=True),
    ]


def undecided():
    return [
        search("an Envoy that hides the counters", 503, "undecided_host", listener="broken"),
    ]


def rows():
    """Every row of the table, each with its heading."""
    return [
        ("200: allowed", allowed()),
        ("200: shadow mode, forwarded all the same", shadow()),
        ("401: who calls? (search)", unidentified()),
        ("404: which tool?", not_found()),
        ("403: may this agent?", not_granted()),
        ("405, 415, 413: is it a tool call? (research-agent: search)", badly_formed()),
        ("400: is the body one? (research-agent: search)", bad_bodies()),
        ("400: are the arguments allowed?", bad_arguments()),
        ("429: how often? (each call until one is refused)", limits()),
        ("MCP: what may an agent see and call of a server? (/mcp/issues)", mcp()),
        ("503: it cannot be decided (research-agent: search)", undecided()),
    ]
