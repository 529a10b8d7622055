package policy

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(cognitoTrust))
	f.Add([]byte(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotPrincipal":"*","NotAction":["a:b"],` +
			`"NotResource":["arn:${a:b,'c'}*?"],"Condition":{"Null":{"a:b":true}}}]}`,
	))
	f.Add([]byte(`{"Id":"a","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := Parse(doc)
		if err != nil {
			if d != nil || err.Error() == "" {
				t.Fatalf("Parse = %v, %v", d, err)
			}
			return
		}

		// What is accepted is JSON, and must be evaluable and judgeable.
		if !json.Valid(doc) {
			t.Fatalf("accepted %q, which is not JSON", doc)
		}
		d.Evaluate(Request{})
		d.Evaluate(cognitoRequest())
		d.Mismatches(cognitoRequest())
		if d.CheckTrust() == nil && d.CheckIdentity() == nil {
			t.Fatal("a document fits both uses")
		}

		// A trust policy that passes the guard keeps strange pools out.
		if cognitoTrustScoped(d) == nil {
			r := cognitoRequest()
			r.Context.Caller[CognitoAudience] = []string{"-"} // no pool's ID, no letter or digit
			if effect, _ := d.Evaluate(r); effect == Allow {
				t.Fatalf("the guard passed %s, which lets any pool in", doc)
			}
		}

		again, err := Parse([]byte(d.String()))
		if err != nil || len(again.statements) != len(d.statements) {
			t.Fatalf("a second Parse differs: %v", err)
		}
	})
}

// oddlyKnown is Request.Later where some of what the context lacks is known to be
// absent.
func oddlyKnown(key string) (values []string, known bool) { return nil, len(key)%2 == 1 }

func FuzzEvaluate(f *testing.F) {
	for seed := range uint64(40) {
		g := newGenerator(seed, 3)
		r := g.request()
		f.Add(
			g.document(),
			r.Action,
			r.Resource,
			strings.Join(r.Context.Caller["aws:a"], "|"),
			strings.Join(r.Context.Caller["k:b"], "|"),
			r.Principal.Federated,
		)
	}

	f.Fuzz(func(t *testing.T, doc, action, resource, a, b, federated string) {
		d, err := Parse([]byte(doc))
		if err != nil || len(doc) > 4096 {
			return
		}

		r := Request{
			Action:    action,
			Resource:  resource,
			Principal: Principal{Federated: federated, AWS: []string{"arn:aws:iam::123456789012:role/r"}},
			Context:   RequestContext{Caller: Keys{}, Service: oddlyKnown},
		}
		for key, value := range map[string]string{"aws:a": a, "K:B": b} {
			if value != "" {
				r.Context.Caller[key] = strings.Split(value, "|")
			}
		}

		got, statement := d.Evaluate(r)
		if want := oracleEvaluate(doc, r); got != want {
			t.Fatalf("Evaluate = %v, the oracle says %v", got, want)
		}

		// Each on its own: two broken texts can be whole together.
		whole := utf8.ValidString(action) && utf8.ValidString(resource) && utf8.ValidString(a) && utf8.ValidString(b)
		if (got == NoMatch) != (statement == nil) && whole {
			t.Fatalf("Evaluate = %v by %v", got, statement)
		}

		decision := Allowed(r, []*Document{d}, nil, nil)
		if decision.Allowed != (got == Allow) || decision.Explicit != (got == Deny) {
			t.Fatalf("Allowed = %+v, Evaluate = %v", decision, got)
		}
	})
}

// naiveMatch is the definition of wildcards, by dynamic programming over runes.
func naiveMatch(pattern, s []rune) bool {
	row := make([]bool, len(s)+1)
	row[0] = true
	for _, p := range pattern {
		next := make([]bool, len(s)+1)
		next[0] = p == '*' && row[0]
		for j, c := range s {
			switch p {
			case '*':
				next[j+1] = row[j+1] || next[j]
			case '?':
				next[j+1] = row[j]
			default:
				next[j+1] = row[j] && p == c
			}
		}

		row = next
	}

	return row[len(s)]
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""},
		{"*", ""},
		{"a*b*c", "aXbXc"},
		{"*a?*b", "xaybb"},
		{"??*", "é"},
		{"*é?", "aéé"},
		{"*ab?*ab*", "abababab"},
		{"a**b", "ab"},
		{"*aab", "aaab"},
	} {
		f.Add(seed[0], seed[1])
	}

	f.Fuzz(func(t *testing.T, text, s string) {
		if len(text)*len(s) > 1<<16 || !utf8.ValidString(text) || !utf8.ValidString(s) {
			return
		}
		p, err := compilePattern(text, wildcards)
		if err != nil {
			t.Fatalf("compilePattern(%q): %v", text, err)
		}

		sc := newScope(&Request{Context: RequestContext{Service: allKnown}})
		if got, want := p.match(s, &sc) == yes, naiveMatch([]rune(text), []rune(s)); got != want {
			t.Errorf("match(%q, %q) = %v, want %v", text, s, got, want)
		}

		// The same pattern by way of a template matches the same.
		q, err := compilePattern("${a:b,''}"+text, wildcards|withVariables)
		if err == nil && !strings.Contains(text, "${") && q.match(s, &sc) != p.match(s, &sc) {
			t.Errorf("as a template, %q against %q differs", text, s)
		}
	})
}
