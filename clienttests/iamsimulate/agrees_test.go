//go:build extended

package iamsimulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
)

const (
	simulatedCases   = 24_000
	simulatedAccount = "111111111111"
	simulatedUser    = "arn:aws:iam::" + simulatedAccount + ":user/ann"
)

// simulatedCase is a request with the policies that decide about it, as evaluate.mjs reads it.
type simulatedCase struct {
	Principal      string              `json:"principal"`
	Action         string              `json:"action"`
	Resource       string              `json:"resource"`
	Owner          string              `json:"owner"`
	Context        map[string]any      `json:"context"`
	Identity       []json.RawMessage   `json:"identity"`
	Boundary       json.RawMessage     `json:"boundary"`
	ResourcePolicy json.RawMessage     `json:"resourcePolicy"`
	keys           map[string][]string // of Context, and those that are absent
}

// caseDice draws cases from so few words that they meet.
type caseDice struct{ *rand.Rand }

func oneOf[T any](d caseDice, list ...T) T { return list[d.IntN(len(list))] }

func someOf[T any](d caseDice, list ...T) []T {
	out := make([]T, 0, 3)
	for range 1 + d.IntN(3) {
		out = append(out, oneOf(d, list...))
	}
	return out
}

// caseFamily has the operators of one type, a key with values of the type, and what policies compare
// them with.
type caseFamily struct {
	key       string
	values    []string // in requests
	operators []string
	compared  []string // in policies
}

var caseFamilies = []caseFamily{
	{
		key:    "my:text",
		values: []string{"a", "b", "ab", "A", "a*", "team"},
		operators: []string{"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
			"StringLike", "StringNotLike"},
		compared: []string{"a", "b", "ab", "*", "a*", "?", "a?", "${aws:PrincipalTag/team}", "${my:none, 'ab'}",
			"${my:none}", "${*}", "a${*}", "${my:list}"},
	},
	{
		key:    "my:number",
		values: []string{"1", "2", "10", "-1", "1.5"},
		operators: []string{"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals",
			"NumericGreaterThan", "NumericGreaterThanEquals"},
		compared: []string{"1", "2", "9", "-1", "1.50"},
	},
	{
		key:    "my:date",
		values: []string{"2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "1795392000"},
		operators: []string{"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan",
			"DateGreaterThanEquals"},
		compared: []string{"2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z", "1795392000"},
	},
	{
		key:       "my:flag",
		values:    []string{"true", "false"},
		operators: []string{"Bool"},
		compared:  []string{"true", "false"},
	},
	{
		key:       "my:bytes",
		values:    []string{"AAEC", "AAED"},
		operators: []string{"BinaryEquals"},
		compared:  []string{"AAEC", "AAED"},
	},
	{
		key:       "my:address",
		values:    []string{"10.1.2.3", "192.168.0.1", "2001:db8::1"},
		operators: []string{"IpAddress", "NotIpAddress"},
		compared:  []string{"10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32", "::/0"},
	},
	{
		key:       "my:arn",
		values:    []string{"arn:aws:s3:::b", "arn:aws:sns:us-east-1:111111111111:t", "arn:aws:s3:::b/a:c"},
		operators: []string{"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
		compared: []string{"arn:aws:s3:::b", "arn:aws:s3:::*", "arn:*:*:*:*:*", "arn:aws:sns:*:111111111111:?",
			"arn:aws:s3:::${aws:PrincipalTag/team}"},
	},
}

func (d caseDice) condition() map[string]any {
	family := oneOf(d, caseFamilies...)
	key := oneOf(d, family.key, family.key, family.key, "my:none")
	if family.key == "my:text" {
		key = oneOf(d, "my:text", "MY:Text", "my:list", "my:list", "aws:PrincipalTag/team", "my:none")
	}
	if d.IntN(6) == 0 {
		return map[string]any{"Null": map[string]any{key: oneOf(d, "true", "false")}}
	}

	operator := oneOf(d, family.operators...) + oneOf(d, "", "", "IfExists")
	if key == "my:list" || d.IntN(6) == 0 {
		operator = oneOf(d, "ForAnyValue:", "ForAllValues:") + operator
	}

	return map[string]any{operator: map[string]any{key: someOf(d, family.compared...)}}
}

var (
	caseActions   = []string{"s3:GetObject", "s3:PutObject", "sqs:SendMessage"}
	caseResources = []string{"arn:aws:s3:::b/a", "arn:aws:s3:::b/team/x", "arn:aws:sqs:us-east-1:111111111111:q",
		"arn:aws:sqs:us-east-1:222222222222:q"}
	caseNames = []string{"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::?/a", "arn:aws:sqs:*:*:q",
		"arn:aws:s3:::b/${aws:PrincipalTag/team}/*", "arn:aws:s3:::${my:none, 'b'}/*", "arn:aws:s3:::b/${my:none}"}
)

// document draws a policy; principals are those of the policy of a resource.
func (d caseDice) document(principals ...any) json.RawMessage {
	statements := make([]any, 0, 3)
	for range 1 + d.IntN(3) {
		s := map[string]any{"Effect": oneOf(d, "Allow", "Allow", "Allow", "Deny")}
		s[oneOf(d, "Action", "Action", "Action", "NotAction")] = someOf(d, "*", "s3:*", "s3:Get*", "S3:getobject",
			"s3:?utObject", "sqs:*")
		s[oneOf(d, "Resource", "Resource", "Resource", "NotResource")] = someOf(d, caseNames...)
		for range d.IntN(3) {
			s["Condition"] = d.condition()
		}
		if len(principals) > 0 {
			s["Principal"] = oneOf(d, principals...)
		}
		statements = append(statements, s)
	}

	document := map[string]any{"Statement": statements}
	if version := oneOf(d, "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", ""); version != "" {
		document["Version"] = version
	}
	text, _ := json.Marshal(document) // maps do not fail

	return text
}

func (d caseDice) draw() *simulatedCase {
	c := &simulatedCase{
		Principal: simulatedUser,
		Action:    oneOf(d, caseActions...),
		Resource:  oneOf(d, caseResources...),
		Owner:     simulatedAccount,
		Context:   map[string]any{},
		keys:      map[string][]string{"my:none": nil, "my:list": nil, "aws:principaltag/team": nil},
	}
	if c.Resource == "arn:aws:sqs:us-east-1:222222222222:q" {
		c.Owner = "222222222222"
	}

	for _, family := range caseFamilies {
		c.keys[family.key] = nil
		if d.IntN(4) > 0 {
			value := oneOf(d, family.values...)
			c.Context[family.key], c.keys[family.key] = value, []string{value}
		}
	}
	if d.IntN(3) > 0 {
		c.Context["aws:PrincipalTag/team"], c.keys["aws:principaltag/team"] = "team", []string{"team"}
	}
	if d.IntN(3) > 0 {
		c.keys["my:list"] = someOf(d, "a", "b", "ab", "team")
		c.Context["my:list"] = c.keys["my:list"]
	}

	for range 1 + d.IntN(2) {
		c.Identity = append(c.Identity, d.document())
	}
	if d.IntN(3) == 0 {
		c.Boundary = d.document()
	}
	if d.IntN(3) == 0 {
		c.ResourcePolicy = d.document("*", map[string]any{"AWS": simulatedUser},
			map[string]any{"AWS": simulatedAccount},
			map[string]any{"AWS": []string{"arn:aws:iam::111111111111:root", "222222222222"}},
			map[string]any{"AWS": simulatedUser + "2"}, map[string]any{"Service": "sns.amazonaws.com"})
	}

	return c
}

// simulation returns the case as a simulation of this server's engine.
func (c *simulatedCase) simulation(t *testing.T) *iam.Simulation {
	t.Helper()
	user, ok := iam.SimulatedUser(simulatedUser)
	if !ok {
		t.Fatal(simulatedUser)
	}

	read := func(id string, text json.RawMessage) iam.SourcePolicy {
		t.Helper()
		d, err := policy.Parse(text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return iam.SourcePolicy{ID: id, Document: d}
	}

	s := &iam.Simulation{Principal: user, Keys: policy.Keys{}}
	for key, values := range c.keys {
		s.Keys.Set(key, values...)
	}
	for _, text := range c.Identity {
		s.Identity = append(s.Identity, read("identity", text))
	}
	if c.Boundary != nil {
		s.Boundary = new(read("boundary", c.Boundary))
	}
	if c.ResourcePolicy != nil {
		s.Resource = new(read("resource", c.ResourcePolicy))
	}

	return s
}

// startOther installs iam-simulate from the npm registry, and starts it in a process of its own. It returns
// a function that asks it.
func startOther(t *testing.T) func(c *simulatedCase) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "evaluate.mjs"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	install := exec.CommandContext(t.Context(), "npm", "ci", "--silent")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}

	other := exec.CommandContext(t.Context(), "node", "evaluate.mjs")
	other.Dir, other.Stderr = folder, os.Stderr
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = other.Wait() })

	write, lines := json.NewEncoder(in), bufio.NewReader(out)

	return func(c *simulatedCase) (decision string) {
		t.Helper()
		if err := write.Encode(c); err != nil {
			t.Fatal(err)
		}
		line, err := lines.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &decision)
		}
		if err != nil {
			t.Fatal(err)
		}
		return decision
	}
}

// The engine decides as an independent evaluator does. Every difference has an explanation.
func TestDecisionsAgreeWithIAMSimulate(t *testing.T) {
	ask, dice := startOther(t), caseDice{rand.New(rand.NewPCG(20, 15))}
	engine := iam.NewAuthorizer(nil, func() time.Time { return time.Unix(1795392000, 0) })

	decide := func(c *simulatedCase) string {
		return string(engine.Simulate(c.simulation(t), c.Action, c.Resource).Decision)
	}

	counts := map[string]int{}
	for range simulatedCases {
		c := dice.draw()
		ours, theirs := decide(c), ask(c)
		if ours == theirs {
			counts[ours]++
			continue
		}

		c = shrink(c, func(c *simulatedCase) bool { return decide(c) != ask(c) })
		rule := explained(c)
		counts[rule]++
		if rule == "" {
			text, _ := json.Marshal(c)
			t.Errorf("this server: %s, iam-simulate: %s\n%s", decide(c), ask(c), text)
			if counts[rule] == 60 {
				t.Fatal("too many differences")
			}
		}
	}

	for _, name := range slices.Sorted(maps.Keys(counts)) {
		t.Log(fmt.Sprintf("%6d", counts[name]), name)
	}
}
