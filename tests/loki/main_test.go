package main

import (
	"strings"
	"testing"
)

// The query that the documentation gives to operators.
const whoCalledWhat = `{namespace="agents", app="tool-gateway"} | json | event="tool_call" | line_format "{{.agent_id}} → {{.tool}} ({{.arguments}})"`

const call = `{"event":"tool_call","agent_id":"research-agent","tool":"search","arguments":"{\"query\":\"a \\\"b\\\" → c\"}","status":200}`

func check(t *testing.T, query string, lines []string, want string) {
	t.Helper()
	var out strings.Builder
	if err := answer(query, strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
		t.Fatalf("no answer: %v", err)
	}
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func refuse(t *testing.T, query string) {
	t.Helper()
	var out strings.Builder
	if err := answer(query, strings.NewReader(call), &out); err == nil {
		t.Errorf("the query was answered: %q", out.String())
	}
}

func TestACallIsShownWithItsArguments(t *testing.T) {
	check(t, whoCalledWhat, []string{call}, "research-agent → search ({\"query\":\"a \\\"b\\\" → c\"})\n")
}

func TestArgumentsThatAreNoStringAreLost(t *testing.T) {
	nested := `{"event":"tool_call","agent_id":"research-agent","tool":"search","arguments":{"query":"x"}}`
	check(t, whoCalledWhat, []string{nested}, "research-agent → search ()\n")
}

func TestAnotherEventIsDropped(t *testing.T) {
	check(t, whoCalledWhat, []string{strings.Replace(call, "tool_call", "reload", 1)}, "")
}

func TestALineThatIsNotJSONIsDropped(t *testing.T) {
	check(t, whoCalledWhat, []string{"-", "", "tool_call"}, "")
}

func TestLinesComeOutInTheirOrderWhateverTheirLength(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	first := strings.Replace(call, "research-agent", "first-agent", 1)
	second := strings.Replace(call, `"status":200`, `"padding":"`+long+`"`, 1)
	check(t, `{app="tool-gateway"} | json | line_format "{{.agent_id}}"`, []string{first, second, ""},
		"first-agent\nresearch-agent\n")
}

func TestAQueryForAnotherStreamIsRefused(t *testing.T) {
	refuse(t, strings.Replace(whoCalledWhat, "agents", "shop", 1))
}

func TestAQueryThatDoesNotParseIsRefused(t *testing.T) {
	refuse(t, `{namespace="agents"} | jsn`)
}

func TestAQueryThatCountsIsRefused(t *testing.T) {
	refuse(t, `count_over_time({namespace="agents"}[1m])`)
}
