"""What came of the demo's calls, held against what must come of them.

In: cases, a running gateway, the list of calls that the tool fills. Out: for each case its answers and
whatever was wrong with them. Prints nothing.
"""

import collections
import datetime
import http.client
import json
import re
import socket
import time
from dataclasses import dataclass, field

import calls

ANSWER_SECONDS = 10
# Envoy writes audit lines and merges histograms a moment after it has answered.
LATER_SECONDS = 10
# A limit that refuses nothing by then refuses nothing.
MOST_REPEATS = 1000
AUDIT_FIELDS = {"event", "schema_version", "timestamp", "agent_id", "tool", "arguments", "decision", "reason", "rule",
                "would_deny", "status", "duration_ms", "request_id", "policy"}
PROBLEM_FIELDS = ["type", "title", "status", "detail", "reason", "request_id"]


@dataclass
class Answer:
    """What came back for one request, and what the tool saw of it. Status 0: nothing came back."""

    status: int
    headers: dict
    body: bytes
    seen: list

    def problem(self):
        if self.headers.get("content-type") != "application/problem+json":
            return {}
        return json.loads(self.body)

    def refusal(self):
        """What a refusal in the shape of MCP tells to programs."""
        message = json.loads(self.body)
        meta = message.get("result", {}).get("_meta", {})
        return message.get("error", {}).get("data") or meta.get("dev.toolgate/refusal") or {}

    def request_id(self):
        for call in self.seen:
            return dict(call.headers).get("x-request-id")
        return self.problem().get("request_id") or self.refusal().get("requestId")


@dataclass
class Shown:
    """A case, its answers (the last one is shown) and what is wrong with it."""

    case: calls.Case
    answers: list
    day_changed: bool = False
    audit_lines: list = field(default_factory=list)  # of the last answer
    wrong: list = field(default_factory=list)

    @property
    def last(self):
        return self.answers[-1]

    def expect(self, holds, text):
        if not holds:
            self.wrong.append(text)


# --- The answers ------------------------------------------------------------------------------------


class Client:
    """Sends requests as they are written, and looks at what the tool saw."""

    def __init__(self, ports, seen):
        self._ports = ports
        self._seen = seen

    def show(self, case):
        day = _utc_day()
        answers = [self._send(case)]
        while case.passes_first and answers[-1].status != case.status and len(answers) < MOST_REPEATS:
            answers.append(self._send(case))
        shown = Shown(case, answers, _utc_day() != day)
        _check_answers(shown)
        return shown

    def _send(self, case):
        before = len(self._seen)
        try:
            status, headers, body = self._exchange(case)
        except (OSError, http.client.HTTPException) as problem:
            status, headers, body = 0, {}, str(problem).encode()
        return Answer(status, headers, body, self._seen[before:])

    def _exchange(self, case):
        with socket.create_connection(("127.0.0.1", self._ports[case.listener]), ANSWER_SECONDS) as connection:
            connection.sendall(case.request)
            answer = http.client.HTTPResponse(connection, method=case.request.split(b" ")[0].decode())
            answer.begin()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def _utc_day():
    return datetime.datetime.now(datetime.timezone.utc).date()


def _check_answers(shown):
    case, (*before, last) = shown.case, shown.answers
    for answer in before:
        shown.expect(answer.status == 200 and len(answer.seen) == 1, f"a call before it was answered {answer.status}")
    # A rate refills while the calls are made, and a new day fills a quota.
    refills = case.reason == "rate_exceeded" or shown.day_changed
    passed = len(before)
    shown.expect(passed == case.passes_first or (refills and passed > case.passes_first),
                 f"{passed} calls passed, {case.passes_first} should")
    shown.expect(last.status == case.status, f"the status is {last.status}, not {case.status}")
    for name, pattern in case.headers.items():
        value = last.headers.get(name)
        shown.expect(value is not None and re.match(pattern, value), f"{name} is {value}, not {pattern}")
    if case.reaches_tool:
        _check_forwarded(shown)
    else:
        shown.expect(not last.seen, "the tool saw it")
        if case.server:
            _check_refusal(shown)
        elif case.reason != calls.REFUSED_BY_ENVOY:
            _check_problem(shown)
    if case.lists:
        listed = tuple(tool.get("name") for tool in json.loads(last.body).get("result", {}).get("tools", []))
        shown.expect(listed == case.lists, f"the list has {listed}, not {case.lists}")


def _check_refusal(shown):
    message, told = json.loads(shown.last.body), shown.case.told or shown.case.reason
    shown.expect((message.get("jsonrpc"), message.get("id")) == ("2.0", 1), "the refusal answers no request")
    shown.expect(shown.last.refusal().get("reason") == told, f"the reason is {shown.last.refusal()}, not {told}")
    if shown.case.status == 200:
        shown.expect(message.get("result", {}).get("isError") is True, "the refusal is no error of a tool")


def _check_forwarded(shown):
    shown.expect(len(shown.last.seen) == 1, f"the tool saw {len(shown.last.seen)} calls")
    for call in shown.last.seen:
        shown.expect(call.agents() == [shown.case.agent], f"x-forwarded-agent is {call.agents()}")
        shown.expect(call.body and call.body in shown.case.request, "the tool got another body")


def _check_problem(shown):
    case, problem = shown.case, shown.last.problem()
    shown.expect(list(problem) == PROBLEM_FIELDS, f"the problem has {list(problem)}")
    shown.expect(problem.get("reason") == case.reason, f"the reason is {problem.get('reason')}, not {case.reason}")
    shown.expect(problem.get("status") == case.status, f"the problem's status is {problem.get('status')}")
    shown.expect(str(problem.get("type")).endswith(f"/{case.reason}"), f"the type is {problem.get('type')}")
    shown.expect(problem.get("request_id"), "the problem has no request_id")


# --- The audit lines --------------------------------------------------------------------------------


def check_audit(gateway, everything, digest):
    """Each call has one line, and it says what happened."""
    made = sum(len(shown.answers) for shown in everything)
    _wait_for(lambda: len(gateway.audit_lines()) >= made)
    lines, wrong = _by_request_id(gateway.audit_lines())
    for shown in everything:
        *before, last = shown.answers
        for answer in before:
            _check_line(shown, lines[answer.request_id()], "allow", calls.GRANTED, 200, digest)
        # What Envoy refused has an id that nobody told the client.
        if shown.case.reason != calls.REFUSED_BY_ENVOY:
            shown.audit_lines = lines[last.request_id()]
            decision = "allow" if shown.case.reaches_tool else "deny"
            _check_line(shown, shown.audit_lines, decision, shown.case.reason, shown.case.status, digest)
    refused = sum(shown.case.reason == calls.REFUSED_BY_ENVOY for shown in everything)
    unseen = [line for line in gateway.audit_lines() if json.loads(line).get("reason") == "not_judged"]
    if len(unseen) != refused:
        wrong.append(f"{len(unseen)} lines for {refused} requests that Envoy refused itself")
    found = len(gateway.audit_lines())
    return wrong if found == made else [*wrong, f"{found} audit lines for {made} calls"]


def _by_request_id(found):
    lines, wrong = collections.defaultdict(list), []
    for line in found:
        try:
            lines[json.loads(line)["request_id"]].append(line)
        except (ValueError, KeyError, TypeError):
            wrong.append(f"no audit line: {line}")
    return lines, wrong


def _check_line(shown, found, decision, reason, status, digest):
    case = shown.case
    if len(found) != 1:
        shown.wrong.append(f"it has {len(found)} audit lines")
        return
    record = json.loads(found[0])
    event = "mcp_message" if case.server and case.tool == calls.UNKNOWN else "tool_call"
    expected = {"event": event, "agent_id": case.agent, "tool": case.tool, "decision": decision,
                "reason": reason, "would_deny": case.shadow, "status": status, "policy": digest}
    shown.expect(AUDIT_FIELDS <= set(record), f"the audit line has {list(record)}")
    for name, value in expected.items():
        shown.expect(record.get(name) == value, f"the audit line's {name} is {record.get(name)!r}, not {value!r}")
    shown.expect(isinstance(record.get("arguments"), str), "the audit line's arguments are not text")


# --- The metrics ------------------------------------------------------------------------------------


def check_metrics(gateway, everything):
    """The counters say what the client saw."""
    _wait_for(lambda: not _wrong_metrics(gateway.metrics(), everything))
    return _wrong_metrics(gateway.metrics(), everything)


def _wrong_metrics(samples, everything):
    counted, timed = _counted(samples), {}
    for name, labels, value in samples:
        if name == "tool_gateway_duration_milliseconds_count":
            timed[labels.get("agent_id"), labels.get("tool")] = int(value)
    expected, all_by_pair = collections.Counter(), collections.Counter()
    for shown in everything:
        # What Envoy refused itself was never a call.
        if shown.case.reason == calls.REFUSED_BY_ENVOY:
            continue
        for answer in shown.answers:
            all_by_pair[shown.case.labels] += 1
            expected[(*shown.case.labels, str(answer.status))] += 1
    wrong = [f"tool_gateway_calls_total of {', '.join(labels)} is {counted[labels]}, not {number}"
             for labels, number in expected.items() if counted[labels] != number]
    if sum(counted.values()) != sum(all_by_pair.values()):
        wrong.append(f"tool_gateway_calls_total is {sum(counted.values())} in all, not {sum(all_by_pair.values())}")
    if timed != dict(all_by_pair):
        wrong.append(f"tool_gateway_duration_milliseconds counts {timed}, not {dict(all_by_pair)}")
    return wrong


def _counted(samples):
    """Calls by agent, tool and status; a sample with any other label counts for nothing."""
    counted = collections.Counter()
    for name, labels, value in samples:
        if name == "tool_gateway_calls_total" and labels.keys() == {"agent_id", "tool", "status"}:
            counted[labels["agent_id"], labels["tool"], labels["status"]] += int(value)
    return counted


def check_whole(gateway, everything, seen):
    """What no single case can tell."""
    arrived = sum(len(answer.seen) for shown in everything for answer in shown.answers)
    wrong = [] if arrived == len(seen) else [f"the tool saw {len(seen)} calls, {arrived} were sent to it"]
    if gateway.reloads() != 0:
        wrong.append("the filter crashed: Envoy loaded it again")
    return wrong


def _wait_for(condition):
    end = time.monotonic() + LATER_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
