package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// The command prints docs/errors.md.
func TestExplainDocs(t *testing.T) {
	have, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	c := explainCommand()
	c.SetOut(&out)
	c.SetArgs([]string{"--docs"})
	if err := c.Execute(); err != nil {
		t.Fatal(err)
	}

	if out.String() != string(have) {
		t.Error("docs/errors.md differs from what is printed: run `make generate`")
	}
}

// A request of no operation, or without a message, has a heading of what there is.
func TestHeadingOfATrace(t *testing.T) {
	for want, trace := range map[string]poolhouse.Trace{
		"\nGetId No  why  (request id)\n": {Operation: "GetId", Outcome: "No", Message: "why", RequestID: "id"},
		"\nNo  why  (request id)\n":       {Outcome: "No", Message: "why", RequestID: "id"},
		"\nForward No  (request id)\n":    {Operation: "Forward", Outcome: "No", RequestID: "id"},
	} {
		var out strings.Builder
		printTrace(&out, terminal.Palette{}, trace)
		if out.String() != want {
			t.Errorf("heading %q, want %q", out.String(), want)
		}
	}

	if got := joined(": ", "", "No", ""); got != "No" {
		t.Errorf("joined = %q", got)
	}
}

// A refusal is shown with all that it tells.
func TestRefusalOnTheTerminal(t *testing.T) {
	var out strings.Builder
	printTrace(&out, terminal.Palette{}, poolhouse.Trace{
		Operation: "GetId",
		Outcome:   "NotAuthorizedException",
		Message:   "no",
		RequestID: "id",
		Steps: []explain.Step{
			{Code: "pool", Check: "pool", OK: true, Got: "found"},
			{
				Code:     "role-account",
				Check:    "role account",
				Subject:  "arn:x",
				Provider: "p",
				Expected: "a",
				Got:      "b",
				Fix:      "c",
				Detail:   "one\ntwo\x1b[0m",
				Link: &explain.Link{
					Kind:   explain.LinkRole,
					ID:     "arn:x",
					Field:  "Policies",
					Add:    "y",
					Source: explain.SourceAPI,
				},
			},
		},
		Reason:  "role-account",
		Planned: []explain.Code{"first", "second"},
	})

	const want = `
GetId NotAuthorizedException  no  (request id)
  ok      pool: found
  refused p: role account of arn:x: expected a; got b
          | one
          | two\x1b[0m
          fix: c
          at: role arn:x, Policies: add y
  not reached: first, second
  reason: role-account
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}
