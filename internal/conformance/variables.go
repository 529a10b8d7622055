package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// variable is a name in the texts of probes. $A129 stands for 129 letters.
var variable = regexp.MustCompile(`\$([A-Z][A-Z0-9]*)`)

var letters = regexp.MustCompile(`^A\d+$`)

// maxLetters bounds $A….
const maxLetters = 100_000

// scope has the variables of one probe: its own, and those that all probes share.
type scope struct {
	own, shared map[string]string
}

func (s scope) lookup(name string) (string, bool) {
	if letters.MatchString(name) {
		n, _ := strconv.Atoi(name[1:])
		return strings.Repeat("a", min(n, maxLetters)), true
	}
	if token, is := strings.CutPrefix(name, forged); is {
		value, is := s.lookup(token)
		return forge(value), is
	}
	if value, is := s.own[name]; is {
		return value, true
	}
	value, is := s.shared[name]

	return value, is
}

// forged begins the name of a token with another signature: $FORGEDX is made of $X.
const forged = "FORGED"

// forge changes a character in the middle of a token's signature.
func forge(token string) string {
	at := strings.LastIndexByte(token, '.') + 10
	if at >= len(token) {
		return token
	}
	letter := "A"
	if token[at] == 'A' {
		letter = "B"
	}

	return token[:at] + letter + token[at+1:]
}

// fill replaces the variables of a text. In a pattern their values stand for themselves.
func (s scope) fill(text string) string {
	isPattern := strings.HasPrefix(text, "~") || strings.HasPrefix(text, "#")

	return variable.ReplaceAllStringFunc(text, func(found string) string {
		value, is := s.lookup(found[1:])
		switch {
		case !is:
			return found
		case isPattern:
			return regexp.QuoteMeta(value)
		}
		return value
	})
}

// fillAll replaces the variables of all texts in a value. A map with $repeat becomes a list or a map of so
// many entries, each with its number in place of %d.
func (s scope) fillAll(value any) any {
	switch v := value.(type) {
	case string:
		return s.fill(v)
	case []any:
		filled := make([]any, len(v))
		for i, item := range v {
			filled[i] = s.fillAll(item)
		}
		return filled
	case map[string]any:
		if n, is := v["$repeat"]; is {
			return s.repeat(n, v)
		}

		filled := make(map[string]any, len(v))
		for name, item := range v {
			filled[s.fill(name)] = s.fillAll(item)
		}

		return filled
	}

	return value
}

func (s scope) repeat(count any, v map[string]any) any {
	n, _ := strconv.Atoi(fmt.Sprint(count))
	list, byName := []any{}, map[string]any{}
	for i := range n {
		number := func(text any) string {
			return s.fill(strings.ReplaceAll(fmt.Sprint(text), "%d", fmt.Sprintf("%012d", i)))
		}
		if key, is := v["key"]; is {
			byName[number(key)] = s.fillAll(v["value"])
			continue
		}
		if text, is := v["item"].(string); is {
			list = append(list, number(text))
			continue
		}
		list = append(list, s.fillAll(v["item"]))
	}

	if _, is := v["key"]; is {
		return byName
	}

	return list
}

// namesIn returns the variables of all texts in a value, each once, in alphabetical order.
func namesIn(values ...any) []string {
	found := map[string]bool{}
	var walk func(value any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			for _, match := range variable.FindAllStringSubmatch(v, -1) {
				found[match[1]] = true
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for name, item := range v {
				walk(name)
				walk(item)
			}
		case map[string]string:
			for name, item := range v {
				walk(name)
				walk(item)
			}
		case []string:
			for _, item := range v {
				walk(item)
			}
		}
	}

	for _, value := range values {
		walk(value)
	}

	return slices.Sorted(maps.Keys(found))
}

// names returns the variables of a call.
func (s Step) names() []string {
	body := ""
	if s.Body != nil {
		body = *s.Body
	}
	names := namesIn(s.Request, s.Path, s.Headers, body)
	if signer, is := strings.CutPrefix(s.Sign, "as:"); is {
		names = append(names, signer+"KEY", signer+"SECRET", signer+"SESSION")
	}

	return names
}

func (w Want) names() []string {
	names := namesIn(w.Answer, w.Not, w.Headers, w.Message, w.Body, w.Lacks)
	if w.Token != nil {
		names = append(names, namesIn(w.Token.Head, w.Token.Claims, w.Token.Lacks)...)
	}

	return names
}

// fill replaces the variables of what is wanted.
func (w Want) fill(s scope) Want {
	w.Message, w.Body = s.fill(w.Message), s.fill(w.Body)
	if w.Answer != nil {
		w.Answer, _ = s.fillAll(w.Answer).(map[string]any)
	}

	w.Not, w.Headers, w.Lacks = s.fillTexts(w.Not), s.fillTexts(w.Headers), s.fillList(w.Lacks)
	if w.Token != nil {
		token := *w.Token
		token.Head = s.fill(token.Head)
		token.Lacks = s.fillList(token.Lacks)
		if token.Claims != nil {
			token.Claims, _ = s.fillAll(token.Claims).(map[string]any)
		}
		w.Token = &token
	}

	return w
}

func (s scope) fillList(texts []string) []string {
	var filled []string
	for _, text := range texts {
		filled = append(filled, s.fill(text))
	}
	return filled
}

func (s scope) fillTexts(texts map[string]string) map[string]string {
	if texts == nil {
		return nil
	}

	filled := make(map[string]string, len(texts))
	for name, text := range texts {
		filled[s.fill(name)] = s.fill(text)
	}

	return filled
}
