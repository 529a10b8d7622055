package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// lie changes an answer in one way. It returns false if there is nothing to change.
type lie struct {
	name string
	tell func(a *Answer, w Want) bool
}

// lies has one lie for each kind of expectation.
var lies = []lie{
	{"another status", func(a *Answer, w Want) bool {
		a.Status = 299
		return true
	}},
	{"another error", func(a *Answer, w Want) bool {
		a.Code += "X"
		return w.Error != ""
	}},
	{"another message", func(a *Answer, w Want) bool {
		a.Message = ""
		return w.Message != ""
	}},
	{"no headers", func(a *Answer, w Want) bool {
		a.Header = http.Header{}
		return slices.ContainsFunc(slices.Collect(maps.Values(w.Headers)), func(v string) bool { return v != "!" })
	}},
	{"another header", func(a *Answer, w Want) bool {
		a.Header = a.Header.Clone()
		for name := range w.Headers {
			a.Header.Set(name, "?")
		}
		return len(w.Headers) > 0
	}},
	{"another body", func(a *Answer, w Want) bool {
		a.Body = "\n?"
		return w.Body != ""
	}},
	{"an unknown member more", func(a *Answer, w Want) bool {
		a.Members = maps.Clone(a.Members)
		a.Members["Unknown"] = "?"
		return len(w.Only) > 0
	}},
	{"later times", func(a *Answer, w Want) bool {
		a.At = a.At.Add(-time.Hour)
		return len(w.Ahead) > 0
	}},
	{"the same again", func(a *Answer, w Want) bool {
		a.Members = changed(a.Members, "", func(path string, value any) (any, bool) {
			same, is := w.Not[path]
			if is {
				return same, true
			}
			return value, true
		})
		return len(w.Not) > 0
	}},
}

// changed returns a copy of members in which change has seen every value. Those for which it returns false
// are dropped.
func changed(members map[string]any, prefix string, change func(string, any) (any, bool)) map[string]any {
	copied := map[string]any{}
	for name, value := range members {
		value, keep := changedValue(value, prefix+name, change)
		if keep {
			copied[name] = value
		}
	}

	return copied
}

func changedValue(value any, path string, change func(string, any) (any, bool)) (any, bool) {
	value, keep := change(path, value)
	if !keep {
		return nil, false
	}
	switch v := value.(type) {
	case map[string]any:
		return changed(v, path+".", change), true
	case []any:
		var list []any
		for i, item := range v {
			if item, keep := changedValue(item, path+"."+strconv.Itoa(i), change); keep {
				list = append(list, item)
			}
		}
		return list, true
	}

	return value, true
}

// memberLies drop or change each member that is wanted, add each that is not, and do the same to the token.
func memberLies(w Want) []lie {
	var found []lie
	one := func(name, path string, change func(any) (any, bool)) {
		found = append(found, lie{name + " " + path, func(a *Answer, _ Want) bool {
			a.Members = changed(a.Members, "", func(at string, value any) (any, bool) {
				if at == path {
					return change(value)
				}
				return value, true
			})
			return true
		}})
	}
	paths := slices.Concat(slices.Collect(maps.Keys(w.Answer)), slices.Collect(maps.Keys(w.Not)),
		slices.Collect(maps.Keys(w.Ahead)), w.Only)

	for _, path := range paths {
		one("no", path, func(any) (any, bool) { return nil, false })
	}
	for path := range w.Answer {
		one("another", path, func(any) (any, bool) { return map[string]any{"?": json.Number("0.5")}, true })
	}

	for _, path := range w.Lacks {
		found = append(found, lie{"there is a " + path, func(a *Answer, _ Want) bool {
			a.Members = maps.Clone(a.Members)
			a.Members[path] = "?"
			return true
		}})
	}

	if w.Token == nil {
		return found
	}
	for _, text := range []string{"no token", "e30.e30.x"} {
		one("the token "+text, w.Token.Member, func(any) (any, bool) { return text, true })
	}
	for name, change := range tokenLies(*w.Token) {
		one(name, w.Token.Member, func(value any) (any, bool) { return retold(value, change), true })
	}

	return found
}

// tokenLies change each part of a token that is wanted.
func tokenLies(w TokenWant) map[string]func(*token) {
	found := map[string]func(*token){}
	if w.Head != "" {
		found["another header of"] = func(t *token) { t.head = `{"alg":"none"}` }
	}
	for path := range w.Claims {
		found["another "+path+" of"] = func(t *token) { t.claims[path] = map[string]any{"?": json.Number("0.5")} }
	}

	for _, path := range w.Lacks {
		found["there is "+path+" in"] = func(t *token) { t.claims[path] = "?" }
	}
	if w.Lifetime != 0 {
		found["a longer life of"] = func(t *token) {
			end, _ := number(t.claims["exp"])
			t.claims["exp"] = json.Number(fmt.Sprint(end + 1))
		}
	}

	return found
}

// retold returns a token with other contents.
func retold(value any, change func(*token)) string {
	text, _ := value.(string)
	t, err := readToken(text)
	if err != nil {
		return ""
	}
	change(&t)

	return base64.RawURLEncoding.EncodeToString([]byte(t.head)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(asJSON(t.claims))) + ".x"
}

// Every probe notices each lie about what it expects, so none passes by accident.
func TestEveryProbeNoticesItsLies(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) { c.AcceptUnknownRoles = false })
	probes := wiretest.Must(Probes())(t)
	results, _, err := KitFor(s.URL).Run(t.Context(), probes)
	if err != nil {
		t.Fatal(err)
	}

	told := 0
	for _, r := range results {
		noticed := func(l lie) {
			answer := r.Answer
			if !l.tell(&answer, r.Want) {
				return
			}
			told++
			if len(r.Want.differences(answer)) == 0 {
				t.Errorf("%s does not notice: %s", r.ID, l.name)
			}
		}
		for _, name := range r.Want.names() {
			t.Errorf("%s compares with the text $%s", r.ID, name)
		}
		for _, l := range slices.Concat(lies, memberLies(r.Want)) {
			noticed(l)
		}
		if len(r.Want.differences(Answer{})) == 0 {
			t.Errorf("%s takes nothing for an answer", r.ID)
		}
	}
	if len(results) != len(probes) || told < 3*len(probes) {
		t.Errorf("%d lies about %d of %d probes", told, len(results), len(probes))
	}
}
