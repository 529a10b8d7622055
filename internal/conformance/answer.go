package conformance

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxDepth bounds the nesting of XML that is read.
const maxDepth = 64

// read finds the members of the body, and the error as SDKs read it.
func (a *Answer) read() {
	a.Members = map[string]any{}
	if strings.HasPrefix(strings.TrimSpace(a.Body), "<") {
		a.readXML()
		a.Code, _ = a.Members["Code"].(string)
		a.Message, _ = a.Members["Message"].(string)
		return
	}

	decoder := json.NewDecoder(strings.NewReader(a.Body))
	decoder.UseNumber()
	err := decoder.Decode(&a.Members)
	_, rest := decoder.Token()
	if err != nil || a.Members == nil || !errors.Is(rest, io.EOF) { // SDKs read none of such an answer
		a.Members = map[string]any{}
	}

	code, _ := a.Members["__type"].(string)
	if code == "" {
		code = a.Header.Get("X-Amzn-Errortype")
	}
	code, _, _ = strings.Cut(code, ":")
	a.Code = code[strings.LastIndex(code, "#")+1:]

	for _, name := range []string{"message", "Message"} {
		if text, is := a.Members[name].(string); is && a.Message == "" {
			a.Message = text
		}
	}
}

// readXML collects the elements that have a text, by name.
func (a *Answer) readXML() {
	var open []string
	for decoder := xml.NewDecoder(strings.NewReader(a.Body)); ; {
		token, err := decoder.Token()
		if err != nil || len(open) > maxDepth {
			return
		}

		switch v := token.(type) {
		case xml.StartElement:
			open = append(open, v.Name.Local)
			if _, is := a.Members[v.Name.Local]; !is {
				a.Members[v.Name.Local] = ""
			}
		case xml.CharData:
			text := string(v)
			if len(open) > 0 && strings.TrimSpace(text) != "" {
				a.Members[open[len(open)-1]] = text
			}
		case xml.EndElement:
			open = open[:max(len(open)-1, 0)]
		}
	}
}

// find returns a member by its path. A name may have points itself.
func find(members any, path string) (value any, is bool) {
	switch v := members.(type) {
	case map[string]any:
		if value, is := v[path]; is {
			return value, true
		}

		for i := range path {
			if path[i] != '.' {
				continue
			}
			if inner, is := v[path[:i]]; is {
				return find(inner, path[i+1:])
			}
		}
	case []any:
		index, rest, more := strings.Cut(path, ".")
		var n int
		if _, err := fmt.Sscanf(index, "%d", &n); err != nil || n < 0 || n >= len(v) {
			return nil, false
		}
		if !more {
			return v[n], true
		}

		return find(v[n], rest)
	}

	return nil, false
}

// token is a JSON Web Token, decoded, its signature unread.
type token struct {
	head   string
	claims map[string]any
}

func readToken(text string) (token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return token{}, errors.New("no JSON Web Token")
	}
	head, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return token{}, err
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return token{}, err
	}

	t := token{head: string(head)}
	decoder := json.NewDecoder(strings.NewReader(string(claims)))
	decoder.UseNumber()
	err = decoder.Decode(&t.claims)

	return t, err
}

// secrets are members that are shown to nobody.
var secrets = []string{
	"SecretKey", "SecretAccessKey", "SessionToken", "Token", "IdToken", "AccessToken", "RefreshToken", "token",
}

func isSecret(member string) bool { return slices.Contains(secrets, member) }

// secretValue finds the value of a secret member, in JSON and in XML.
var secretValue = regexp.MustCompile(`("?(?:` + strings.Join(secrets, "|") + `)"?\s*[:>]\s*"?)[^"<]{4,}`)

// maxShown bounds what of an answer is shown, in characters.
const maxShown = 400

// Shown returns a text of the server in one printable line, without secrets.
func Shown(text string) string {
	text = secretValue.ReplaceAllString(text, "${1}…")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + "…"
	}

	return text
}
