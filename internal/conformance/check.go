package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Difference is one difference between what AWS answers and what came.
type Difference struct {
	What string `json:"what"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// tolerance bounds in seconds how far the server's clock may be from the kit's.
const tolerance = 300

// absent stands for a missing member in a report.
const absent = "(absent)"

// differences compares an answer with what is wanted, all variables filled in.
func (w Want) differences(a Answer) []Difference {
	var found []Difference
	differs := func(what, want, got string) {
		found = append(found, Difference{What: Shown(what), Want: Shown(want), Got: Shown(got)})
	}

	w.compareStatus(a, differs)
	if w.Error != "" && a.Code != w.Error {
		differs("error", w.Error, orAbsent(a.Code))
	}
	if w.Message != "" && !matchText(w.Message, a.Message) {
		differs("message", w.Message, orAbsent(a.Message))
	}
	if w.Body != "" && !matchText(w.Body, a.Body) {
		differs("body", w.Body, a.Body)
	}

	w.compareMembers(a, differs)
	w.compareHeaders(a, differs)
	w.compareTimes(a, differs)
	w.Token.compare(a, differs)

	return found
}

func (w Want) compareStatus(a Answer, differs func(what, want, got string)) {
	got := fmt.Sprint(a.Status)
	switch {
	case w.Status != 0 && a.Status != w.Status:
		differs("status", fmt.Sprint(w.Status), got)
	case w.Status == 0 && w.Error != "" && (a.Status < 400 || a.Status > 499):
		differs("status", "4xx", got)
	case w.Status == 0 && w.Error == "" && a.Status != http.StatusOK:
		differs("status", "200", got)
	}
}

func (w Want) compareMembers(a Answer, differs func(what, want, got string)) {
	for _, path := range slices.Sorted(maps.Keys(w.Answer)) {
		want := w.Answer[path]
		got, is := find(a.Members, path)
		if !is || !match(want, got) {
			differs(path, asJSON(want), masked(path, got, is))
		}
	}

	for _, path := range slices.Sorted(maps.Keys(w.Not)) {
		got, is := find(a.Members, path)
		if text, isText := got.(string); !is || !isText || text == w.Not[path] {
			differs(path, "another value than "+w.Not[path], masked(path, got, is))
		}
	}

	for _, path := range w.Lacks {
		if got, is := find(a.Members, path); is {
			differs(path, absent, masked(path, got, is))
		}
	}

	if len(w.Only) == 0 {
		return
	}

	for _, name := range slices.Sorted(maps.Keys(a.Members)) {
		if !slices.Contains(w.Only, name) {
			differs(name, absent, masked(name, a.Members[name], true))
		}
	}

	for _, name := range w.Only {
		if _, is := a.Members[name]; !is {
			differs(name, "present", absent)
		}
	}
}

func (w Want) compareHeaders(a Answer, differs func(what, want, got string)) {
	for _, name := range slices.Sorted(maps.Keys(w.Headers)) {
		want, got := w.Headers[name], strings.Join(a.Header.Values(name), ", ")
		_, is := a.Header[http.CanonicalHeaderKey(name)]
		switch {
		case want == "!" && is:
			differs("header "+name, absent, got)
		case want != "!" && !is:
			differs("header "+name, want, absent)
		case want != "!" && !matchText(want, got):
			differs("header "+name, want, got)
		}
	}
}

func (w Want) compareTimes(a Answer, differs func(what, want, got string)) {
	for _, path := range slices.Sorted(maps.Keys(w.Ahead)) {
		want := a.At.Unix() + w.Ahead[path]
		got, is := find(a.Members, path)
		seconds, isNumber := number(got)
		if !is || !isNumber || seconds < want-tolerance || seconds > want+tolerance {
			differs(path, fmt.Sprintf("about %d", want), shownMember(got, is))
		}
	}
}

// compare compares the token of an answer.
func (w *TokenWant) compare(a Answer, differs func(what, want, got string)) {
	if w == nil {
		return
	}
	member, is := find(a.Members, w.Member)
	text, _ := member.(string)
	t, err := readToken(text)
	if err != nil {
		differs(w.Member, "a JSON Web Token", masked(w.Member, member, is))
		return
	}

	if w.Head != "" && !matchText(w.Head, t.head) {
		differs("header of the token", w.Head, t.head)
	}

	for _, path := range slices.Sorted(maps.Keys(w.Claims)) {
		got, is := find(t.claims, path)
		if !is || !match(w.Claims[path], got) {
			differs("claim "+path, asJSON(w.Claims[path]), shownMember(got, is))
		}
	}

	for _, path := range w.Lacks {
		if got, is := find(t.claims, path); is {
			differs("claim "+path, absent, shownMember(got, is))
		}
	}

	if w.Lifetime == 0 {
		return
	}
	from, hasFrom := number(t.claims["iat"])
	to, hasTo := number(t.claims["exp"])
	if !hasFrom || !hasTo || to-from != w.Lifetime {
		differs("lifetime of the token", fmt.Sprint(w.Lifetime), fmt.Sprint(to-from))
	}
}

// match compares a member with what is wanted. Maps and lists must be the same throughout.
func match(want, got any) bool {
	switch v := want.(type) {
	case string:
		if pattern, is := strings.CutPrefix(v, "#"); is {
			return matches(pattern, asJSON(got))
		}
		text, is := got.(string)
		return is && matchText(v, text)
	case map[string]any:
		members, is := got.(map[string]any)
		if !is || len(members) != len(v) {
			return false
		}

		for name, item := range v {
			if inner, is := members[name]; !is || !match(item, inner) {
				return false
			}
		}

		return true
	case []any:
		list, is := got.([]any)
		return is && slices.EqualFunc(v, list, match)
	}

	return asJSON(want) == asJSON(got)
}

// matchText compares a text, with a pattern if want begins with "~".
func matchText(want, got string) bool {
	if pattern, is := strings.CutPrefix(want, "~"); is {
		return matches(pattern, got)
	}
	return want == got
}

func matches(pattern, text string) bool {
	compiled, err := regexp.Compile(pattern)
	return err == nil && compiled.MatchString(text)
}

// number returns whole seconds of a JSON number.
func number(value any) (int64, bool) {
	n, is := value.(json.Number)
	if !is {
		return 0, false
	}
	seconds, err := n.Float64()

	return int64(seconds), err == nil
}

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

func shownMember(value any, is bool) string {
	if !is {
		return absent
	}
	return asJSON(value)
}

// masked shows a member, and of a secret one only its length.
func masked(path string, value any, is bool) string {
	text, isText := value.(string)
	if isText && isSecret(path[strings.LastIndexByte(path, '.')+1:]) {
		return fmt.Sprintf("a secret of %d characters", len(text))
	}
	return shownMember(value, is)
}

func orAbsent(text string) string {
	if text == "" {
		return absent
	}
	return text
}
