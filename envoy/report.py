"""What the demo prints, for a terminal of 100 columns.

In: what was shown, and the gateway that it was shown with. Out: text on standard output.
Judges nothing: `checks.py` has done that.
"""

import re
import time

WIDTH = 100
# Of durations, one pair stands for all.
PAIR = {"agent_id": "support-agent", "tool": "search"}


def heading(text):
    print(f"\n{text}\n{'-' * WIDTH}", flush=True)


def rows(everything):
    heading(f"{'what is asked':<49}{'what comes back':<36}the tool saw")
    for title, row in everything:
        print(f"\n{title}")
        for shown in row:
            print(_row(shown))
            for text in shown.wrong:
                print(f"    WRONG: {text}")


def _row(shown):
    passed = f" ({len(shown.answers) - 1} passed)" if shown.case.passes_first else ""
    reason = shown.last.problem().get("reason") or shown.case.told or shown.case.reason
    if shown.case.lists:
        reason = f"lists {', '.join(shown.case.lists)}"
    if shown.case.shadow:
        reason = f"would be {reason}"
    saw = ", ".join(shown.last.seen[0].agents()) if shown.last.seen else "-"
    return f"  {shown.case.about + passed:<46} {shown.last.status:<4}{reason:<31} {saw}"


def answers(everything):
    chosen = [shown for _, row in everything for shown in row if shown.case.shows_answer]
    heading("Some answers in full (long lines folded)")
    for shown in chosen:
        print(f"\n{shown.case.about}: {shown.last.status}")
        for name, value in shown.last.headers.items():
            if name in ("content-type", "retry-after", "ratelimit", "ratelimit-policy"):
                print(f"  {name}: {value}")
        print(_folded(shown.last.body.decode(errors="replace").strip()))


def audit(everything, number):
    chosen = [shown for _, row in everything for shown in row if shown.case.shows_audit]
    heading(f"Some of the {number} audit lines, one for each call (folded)")
    for shown in chosen:
        print(f"\n{shown.case.about}")
        for line in shown.audit_lines:
            print(_folded(line))


def _folded(text):
    """JSON on one line becomes lines that fit, cut where a member ends."""
    lines = [""]
    for piece in re.split(r'(?<=,)(?= ?")', text):
        if lines[-1] and len(lines[-1]) + len(piece) > WIDTH - 4:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "  " + "\n    ".join(lines)


def metrics(gateway):
    heading(f"Metrics, on http://{gateway.admin_address}/stats/prometheus (durations of one pair only)")
    for name, labels, value in gateway.metrics():
        if "_duration_" in name and any(labels.get(key) != wanted for key, wanted in PAIR.items()):
            continue
        text = ",".join(f'{key}="{label}"' for key, label in labels.items())
        print(f"{name}{{{text}}} {value:g}")


def invitation(gateway):
    tools = f"http://127.0.0.1:{gateway.ports()['tool_calls']}/tools"
    heading("Your turn: it stays up until Ctrl-C. The audit line of each call follows here.")
    for agent, tool, arguments in [("research-agent", "search", '{"q": "weather in Rome"}'),
                                   ("dev-agent", "code_executor", '{"code": "rm -rf /"}'),
                                   ("support-agent", "code_executor", '{"code": "print(1)"}'),
                                   ("research-agent", "summarize", '{"text": "no grant, but shadow mode"}')]:
        print(f"curl -i {tools}/{tool} -H 'x-agent-id: {agent}' \\\n"
              f"  -H 'content-type: application/json' -d '{{\"arguments\": {arguments}}}'")
    print(f"curl -s http://{gateway.admin_address}/stats/prometheus | grep tool_gateway\n", flush=True)


def follow(gateway):
    """Prints each new audit line, as it stands in the log. Returns when Envoy ends."""
    printed = len(gateway.audit_lines())
    while not gateway.has_ended():
        lines = gateway.audit_lines()
        for line in lines[printed:]:
            print(line, flush=True)
        printed = len(lines)
        time.sleep(0.2)
