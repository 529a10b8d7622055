package policy

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The oracle is a second evaluator, kept as far from the first as the rules
// allow: it interprets the generic JSON of the document for each request,
// matches with regular expressions, and knows no compiled form.

type anyMap = map[string]any

func oracleEvaluate(doc string, r Request) Effect {
	valid := utf8.ValidString(r.Action) && utf8.ValidString(r.Resource)
	keys := map[string][]string{}
	var names []string
	for k := range r.Context {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		for _, v := range r.Context[k] {
			valid = valid && utf8.ValidString(v)
			keys[oracleLower(k)] = append(keys[oracleLower(k)], v)
		}
	}
	if !valid {
		return Deny
	}
	var policy anyMap
	decoder := json.NewDecoder(strings.NewReader(doc))
	decoder.UseNumber()
	if err := decoder.Decode(&policy); err != nil {
		panic(err)
	}
	o := oracle{request: r, keys: keys, variables: policy["Version"] == "2012-10-17"}
	list, isList := policy["Statement"].([]any)
	if !isList {
		list = []any{policy["Statement"]}
	}
	allowed := false
	for _, s := range list {
		statement := s.(anyMap)
		if !o.covers(statement) {
			continue
		}
		if statement["Effect"] == "Deny" {
			return Deny
		}
		allowed = true
	}
	if allowed {
		return Allow
	}
	return NoMatch
}

type oracle struct {
	request   Request
	keys      map[string][]string
	variables bool
}

func oracleLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func oracleList(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	case json.Number:
		return []string{v.String()}
	case []any:
		var list []string
		for _, e := range v {
			list = append(list, oracleList(e)...)
		}
		return list
	}
	return nil
}

func (o oracle) covers(s anyMap) bool {
	if v, ok := s["Principal"]; ok && !o.principal(v) {
		return false
	}
	if v, ok := s["NotPrincipal"]; ok && o.principal(v) {
		return false
	}
	action := func(v any) bool {
		return slices.ContainsFunc(oracleList(v), func(p string) bool {
			return regexp.MustCompile(`\A(?s:` + oracleGlob(oracleLower(p)) + `)\z`).MatchString(oracleLower(o.request.Action))
		})
	}
	if v, ok := s["Action"]; ok && !action(v) {
		return false
	}
	if v, ok := s["NotAction"]; ok && action(v) {
		return false
	}
	resource := func(v any) bool {
		return slices.ContainsFunc(oracleList(v), func(p string) bool { return o.text(p, o.request.Resource, true, "(?s") })
	}
	if v, ok := s["Resource"]; ok && !resource(v) {
		return false
	}
	if v, ok := s["NotResource"]; ok && resource(v) {
		return false
	}
	block, _ := s["Condition"].(anyMap)
	for operator, keys := range block {
		for key, values := range keys.(anyMap) {
			if !o.condition(operator, oracleLower(key), oracleList(values)) {
				return false
			}
		}
	}
	return true
}

func (o oracle) principal(v any) bool {
	if v == "*" {
		return true
	}
	p := o.request.Principal
	for kind, names := range v.(anyMap) {
		for _, name := range oracleList(names) {
			switch kind {
			case "AWS":
				if name == "*" {
					return true
				}
				for _, arn := range p.AWS {
					parts := strings.Split(arn, ":")
					account := len(parts) > 4 && (parts[4] == name || regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:root$`).MatchString(name) && strings.Split(name, ":")[4] == parts[4])
					if arn == name && !strings.HasSuffix(name, ":root") || account {
						return true
					}
				}
			case "Federated":
				if p.Federated != "" && p.Federated == name {
					return true
				}
			case "Service":
				if p.Service != "" && p.Service == name {
					return true
				}
			case "CanonicalUser":
				if p.CanonicalUser != "" && p.CanonicalUser == name {
					return true
				}
			}
		}
	}
	return false
}

// oracleGlob turns wildcards into a regular expression.
func oracleGlob(p string) string {
	p = regexp.QuoteMeta(p)
	p = strings.ReplaceAll(p, `\*`, `.*`)
	return strings.ReplaceAll(p, `\?`, `.`)
}

var oracleVariable = regexp.MustCompile(`(?s)\$\{.*?\}`)

// text matches value against a pattern whose variables and wildcards count.
func (o oracle) text(pattern, value string, wild bool, flags string) bool {
	quote := regexp.QuoteMeta
	if wild {
		quote = oracleGlob
	}
	if !o.variables {
		return regexp.MustCompile(flags + `:\A` + quote(pattern) + `\z)`).MatchString(value)
	}
	var expression strings.Builder
	last := 0
	for _, at := range oracleVariable.FindAllStringIndex(pattern, -1) {
		expression.WriteString(quote(pattern[last:at[0]]))
		last = at[1]
		name := pattern[at[0]+2 : at[1]-1]
		if name == "*" || name == "?" || name == "$" {
			expression.WriteString(regexp.QuoteMeta(name))
			continue
		}
		key, fallback, hasFallback := strings.Cut(name, ",")
		values := o.keys[oracleLower(strings.TrimSpace(key))]
		if len(values) == 0 && hasFallback {
			values = []string{strings.Trim(strings.TrimSpace(fallback), "'")}
		}
		if len(values) != 1 {
			return false
		}
		expression.WriteString(regexp.QuoteMeta(values[0]))
	}
	expression.WriteString(quote(pattern[last:]))
	return regexp.MustCompile(flags + `:\A` + expression.String() + `\z)`).MatchString(value)
}

func (o oracle) condition(operator, key string, wanted []string) bool {
	given := o.keys[key]
	if operator == "Null" {
		return strings.EqualFold(wanted[0], "true") != (len(given) > 0)
	}
	all := strings.HasPrefix(operator, "ForAllValues:")
	some := strings.HasPrefix(operator, "ForAnyValue:")
	operator = operator[strings.Index(operator, ":")+1:]
	ifExists := strings.HasSuffix(operator, "IfExists")
	operator = strings.TrimSuffix(operator, "IfExists")
	not := strings.Contains(operator, "Not")
	operator = strings.Replace(operator, "Not", "", 1)

	if len(given) == 0 {
		return all || !some && (ifExists || not)
	}
	met, unmet := 0, 0
	for _, v := range given {
		if slices.ContainsFunc(wanted, func(w string) bool { return o.compare(operator, v, w) }) {
			met++
		} else {
			unmet++
		}
	}
	switch {
	case all && strings.Join(given, "") == "":
		return true
	case all && not:
		return met == 0
	case all:
		return unmet == 0
	case some && not:
		return unmet > 0
	case some:
		return met > 0
	case not:
		return met == 0
	default:
		return met > 0
	}
}

func (o oracle) compare(operator, v, w string) bool {
	sign := func(kind string, c int, ok bool) bool {
		switch strings.TrimPrefix(operator, kind) {
		case "Equals":
			return ok && c == 0
		case "LessThan":
			return ok && c < 0
		case "LessThanEquals":
			return ok && c <= 0
		case "GreaterThan":
			return ok && c > 0
		case "GreaterThanEquals":
			return ok && c >= 0
		}
		panic(operator)
	}
	switch {
	case operator == "StringEquals":
		return o.text(w, v, false, "(?s")
	case operator == "StringEqualsIgnoreCase":
		return o.text(w, v, false, "(?si")
	case operator == "StringLike":
		return o.text(w, v, true, "(?s")
	case operator == "Bool":
		return strings.EqualFold(v, w) && (strings.EqualFold(v, "true") || strings.EqualFold(v, "false"))
	case operator == "BinaryEquals":
		a, err := base64.StdEncoding.Strict().DecodeString(v)
		b, _ := base64.StdEncoding.Strict().DecodeString(w)
		return err == nil && string(a) == string(b)
	case operator == "IpAddress":
		ip := net.ParseIP(v)
		if _, block, err := net.ParseCIDR(w); err == nil {
			return ip != nil && (block.IP.To4() != nil) == (ip.To4() != nil) && block.Contains(ip)
		}
		return ip != nil && ip.Equal(net.ParseIP(w))
	case strings.HasPrefix(operator, "Arn"):
		return o.arn(v, w)
	case strings.HasPrefix(operator, "Numeric"):
		form := regexp.MustCompile(`^[+-]?\d+(\.\d+)?$`)
		if !form.MatchString(v) || len(v) > 64 {
			return false
		}
		a, _ := new(big.Rat).SetString(v)
		b, _ := new(big.Rat).SetString(w)
		return sign("Numeric", a.Cmp(b), true)
	case strings.HasPrefix(operator, "Date"):
		a, ok := oracleDate(v)
		b, _ := oracleDate(w)
		return sign("Date", a.Compare(b), ok)
	}
	panic(operator)
}

func oracleDate(s string) (time.Time, bool) {
	if regexp.MustCompile(`^\d{5,18}$`).MatchString(s) {
		n, _ := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0), true
	}
	for _, complete := range []string{"", "-01", "-01-01", "-01-01T00:00:00Z"} {
		// "2026", "2026-11", "2026-11-23" are completed from the right.
		if t, err := time.Parse(time.RFC3339, s+strings.TrimPrefix("-01-01T00:00:00Z", strings.TrimSuffix(complete, "T00:00:00Z"))); err == nil && len(s) <= 10 {
			return t, true
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true
	}
	t, err := time.Parse("2006-01-02T15:04Z07:00", s)
	return t, err == nil
}

func (o oracle) arn(v, w string) bool {
	got := strings.SplitN(v, ":", 6)
	if len(got) != 6 || got[0] != "arn" {
		return false
	}
	if strings.Trim(w, "*") == "" {
		return true
	}
	// Colons inside variables do not separate parts.
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(w); i++ {
		switch {
		case o.variables && strings.HasPrefix(w[i:], "${"):
			depth = 1
		case w[i] == '}':
			depth = 0
		case w[i] == ':' && depth == 0 && len(parts) < 5:
			parts = append(parts, w[start:i])
			start = i + 1
		}
	}
	parts = append(parts, w[start:])
	if len(parts) == 1 {
		return o.text(w, v, true, "(?s")
	}
	for i := range parts {
		if !o.text(parts[i], got[i], true, "(?s") {
			return false
		}
	}
	return true
}
