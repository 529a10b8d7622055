package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// generator draws documents and requests from so few words that they meet.
type generator struct {
	*rand.Rand
	variables bool
}

func newGenerator(seed, stream uint64) generator {
	return generator{Rand: rand.New(rand.NewPCG(seed, stream))}
}

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

func some[T any](g generator, list ...T) []T {
	out := make([]T, 0, 3)
	for range 1 + g.IntN(3) {
		out = append(out, pick(g, list...))
	}
	return out
}

var (
	randomActions = []string{
		"*", "s3:*", "s3:Get*", "S3:getobject", "s3:?etObject", "sts:AssumeRole", "*:*Object", "s3:G*t*b*t",
	}
	randomResources = []string{
		"*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::?/a", "arn:*:a", "arn:aws:s3:::b/${aws:a}",
		"arn:aws:s3:::*/${k:b,'a'}*",
		"arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*a?*b*", "arn:aws:s3:::b/${$}{aws:a}",
	}
	randomKeys    = []string{"aws:a", "k:b", "aws:TagKeys", "K:C"}
	randomStrings = []string{
		"a", "b", "ab", "A", "", "*", "a*", "*b", "?", "a?b*", "${aws:a}", "${K:b, 'a'}x", "${*}", "é", "É*",
	}
)

func (g generator) values(operator string) []any {
	var words []any
	add := func(list ...string) {
		for _, w := range list {
			words = append(words, w)
		}
	}

	op, _, _, _ := parseOperator(operator)
	switch op.family {
	case stringFamily:
		add(randomStrings...)
	case numericFamily:
		add("1", "2", "-1", "1.5", "2.0", "9007199254740993", "9007199254740993.5")
		words = append(words, 1, 2.5)
	case dateFamily:
		add(
			"2026-11-23",
			"2026",
			"2026-11-23T00:00:00Z",
			"1795392000",
			"2026-11-23T01:00:00+01:00",
			"2026-11",
			"2026-11-23T00:00Z",
		)
	case boolFamily:
		add("true", "False")
		words = append(words, true)
	case binaryFamily:
		add("AAEC", "AAED", "")
	case addressFamily:
		add("10.0.0.0/8", "10.1.2.3", "::/0", "0.0.0.0/0", "2001:db8::/32")
	case arnFamily:
		add(
			"arn:aws:s3:::b",
			"arn:aws:s3:::*",
			"arn:*:s3:*:*:b*",
			"*",
			"arn:aws:s3:::${aws:a}",
			"arn:aws:s3:::${k:b,'b'}",
		)
		if g.variables { // else it is a text that is no ARN
			add("${aws:a}", "${k:b, 'arn:aws:s3:::b'}", "${k:c,'b'}")
		}
	case nullFamily:
		return []any{pick(g, "true", "false")}
	}

	return some(g, words...)
}

func (g generator) operator() string {
	name := pick(g, slices.Sorted(maps.Keys(operators))...)
	if name == "Null" {
		return name
	}
	return pick(g, "", "", "ForAnyValue:", "ForAllValues:") + name + pick(g, "", "", "IfExists")
}

func (g generator) document() string {
	doc := anyMap{}
	if g.IntN(3) > 0 {
		doc["Version"] = pick(g, version2012, version2012, version2008)
	}

	g.variables = doc["Version"] == version2012
	var statements []any
	for range 1 + g.IntN(3) {
		s := anyMap{"Effect": pick(g, "Allow", "Allow", "Deny")}
		s[pick(g, "Action", "Action", "Action", "NotAction")] = some(g, randomActions...)
		if g.IntN(4) > 0 {
			s[pick(g, "Resource", "Resource", "NotResource")] = some(g, randomResources...)
		}
		if g.IntN(3) == 0 {
			s[pick(
				g, "Principal", "NotPrincipal",
			)] = pick[any](g, "*", anyMap{"AWS": "*"}, anyMap{"AWS": []string{"123456789012"}},
				anyMap{"AWS": "arn:aws:iam::123456789012:role/r", "Service": "s.example"}, anyMap{
					"Federated": []string{"f.example", "g.example"},
				})
		}

		if g.IntN(4) > 0 {
			block := anyMap{}
			for range 1 + g.IntN(2) {
				operator := g.operator()
				block[operator] = anyMap{pick(g, randomKeys...): g.values(operator)}
			}
			s["Condition"] = block
		}

		statements = append(statements, s)
	}

	doc["Statement"] = statements
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}

	return string(text)
}

func (g generator) request() Request {
	r := Request{
		Action: pick(g, "s3:GetObject", "s3:PutObject", "sts:AssumeRole", "S3:GETOBJECT"),
		Resource: pick(
			g,
			"*",
			"arn:aws:s3:::b/a",
			"arn:aws:s3:::b/ab",
			"arn:aws:s3:::c/a",
			"arn:aws:s3:::b/*",
			"arn:aws:s3:::b/xaxbb",
			"arn:aws:s3:::b/${aws:a}",
		),
		Context: RequestContext{Caller: Keys{}},
	}
	switch g.IntN(4) {
	case 0:
		r.Principal.AWS = some(g, "arn:aws:iam::123456789012:role/r", "arn:aws:iam::999999999999:role/r")
	case 1:
		r.Principal.Federated = pick(g, "f.example", "h.example")
	case 2:
		r.Principal.Service = "s.example"
	}

	for _, key := range []string{"aws:a", "aws:A", "k:b", "aws:tagkeys", "k:c"} {
		if g.IntN(2) == 0 {
			r.Context.Caller[key] = some(
				g,
				"a",
				"b",
				"ab",
				"A",
				"",
				"*",
				"é",
				"1",
				"2.0",
				"1.50",
				"9007199254740993",
				"true",
				"FALSE",
				"AAEC",
				"10.1.2.3",
				"2001:db8::1",
				"::ffff:10.1.2.3",
				"2026-11-23T00:00:00Z",
				"2026-01-01T00:00:00.5Z",
				"1795392000",
				"arn:aws:s3:::b",
				"arn:aws:s3:::c:d",
				"b:c:\xff"[:3],
			)
			if g.IntN(3) > 0 {
				r.Context.Caller[key] = r.Context.Caller[key][:1]
			}
		}
	}

	// Of what is not there, some is known to be absent.
	unknowable := some(g, "aws:a", "k:b", "aws:tagkeys", "k:c", "none")
	r.Context.Service = func(key string) ([]string, bool) { return nil, !slices.Contains(unknowable, key) }
	if g.IntN(20) == 0 {
		r.Context.Service = nil
	}

	return r
}

// TestEvaluateAgreesWithOracle compares the compiled evaluator with a naive one
// on random documents and requests.
func TestEvaluateAgreesWithOracle(t *testing.T) {
	const documents, requests = 1500, 10
	outcomes := map[Effect]int{}
	for seed := range uint64(documents) {
		g := newGenerator(seed, 1)
		doc := g.document()
		d, err := Parse([]byte(doc))
		if err != nil {
			t.Fatalf("seed %d: Parse(%s): %v", seed, doc, err)
		}

		for range requests {
			r := g.request()
			got, _ := d.Evaluate(r)
			if want := oracleEvaluate(doc, r); got != want {
				t.Fatalf("seed %d: Evaluate = %v, the oracle says %v\n%s\n%+v", seed, got, want, doc, r)
			}
			outcomes[got]++
		}
	}

	// Documents that never apply would prove nothing.
	for _, e := range []Effect{NoMatch, Allow, Deny} {
		if outcomes[e] < documents*requests/20 {
			t.Errorf("only %d of %d evaluations were %v", outcomes[e], documents*requests, e)
		}
	}
}

// TestAllowedAgreesWithSets checks Allowed against the rule in set notation.
func TestAllowedAgreesWithSets(t *testing.T) {
	for seed := range uint64(1000) {
		g := newGenerator(seed, 2)
		r := g.request()

		var texts [3][]string
		for layer := range texts {
			for range g.IntN(3) {
				texts[layer] = append(texts[layer], g.document())
			}
		}

		texts[1] = texts[1][:min(1, len(texts[1]))]
		var docs [3][]*Document
		denied, allows := false, [3]bool{}
		for layer := range texts {
			for _, text := range texts[layer] {
				docs[layer] = append(docs[layer], mustParse(t, text))
				effect := oracleEvaluate(text, r)
				denied = denied || effect == Deny
				allows[layer] = allows[layer] || effect == Allow
			}
		}

		var boundary *Document
		if len(docs[1]) > 0 {
			boundary = docs[1][0]
		}
		want := !denied && allows[0] && (boundary == nil || allows[1]) && (len(docs[2]) == 0 || allows[2])

		got := Allowed(r, docs[0], boundary, docs[2])
		if got.Allowed != want || got.Explicit != denied {
			t.Fatalf(
				"seed %d: Allowed = %+v, want allowed %v, explicit deny %v\n%s",
				seed,
				got,
				want,
				denied,
				fmt.Sprint(texts),
			)
		}
	}
}
