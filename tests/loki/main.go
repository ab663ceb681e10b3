// Command loki answers a LogQL query about lines of the audit log, with Loki's own parser and pipeline.
//
// In: the query as the one argument, lines on stdin. Out: each line that the query lets through, as Loki
// would show it. The lines belong to the stream {namespace="agents", app="tool-gateway"}; nothing is stored
// or indexed, and queries that count (metric queries) are refused.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/grafana/loki/v3/pkg/logql/syntax"
	"github.com/prometheus/prometheus/model/labels"
)

// stream is where the documentation tells operators to put the audit lines.
var stream = labels.FromStrings("namespace", "agents", "app", "tool-gateway")

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: loki QUERY < audit.log")
		os.Exit(2)
	}
	if err := answer(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "loki:", err)
		os.Exit(1)
	}
}

// answer runs the query over each line of in and writes the lines that come through to out.
func answer(query string, in io.Reader, out io.Writer) error {
	expression, err := syntax.ParseLogSelector(query, true)
	if err != nil {
		return fmt.Errorf("the query does not parse: %w", err)
	}
	if !selects(expression.Matchers()) {
		return fmt.Errorf("the query does not select the stream %s", stream)
	}
	pipeline, err := expression.Pipeline()
	if err != nil {
		return fmt.Errorf("the query has no pipeline: %w", err)
	}

	lines := bufio.NewReader(in)
	answers := bufio.NewWriter(out)
	inStream := pipeline.ForStream(stream)
	for {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("stdin: %w", err)
		}
		atEnd := err != nil
		if atEnd && line == "" {
			return answers.Flush()
		}
		text := strings.TrimSuffix(line, "\n")
		if shown, _, passed := inStream.ProcessString(time.Now().UnixNano(), text, labels.EmptyLabels()); passed {
			fmt.Fprintln(answers, shown)
		}
		if atEnd {
			return answers.Flush()
		}
	}
}

// selects tells whether a query with these matchers sees the stream at all.
func selects(matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(stream.Get(matcher.Name)) {
			return false
		}
	}
	return true
}
