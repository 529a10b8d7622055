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
// matches with regular expressions, and knows no compiled form. Where the first
// has three values, it computes which of the two outcomes are possible.

// outcome holds the values that an element can turn out to have once everything is known.
type outcome struct{ yes, no bool }

var maybe = outcome{true, true}

func certain(b bool) outcome { return outcome{b, !b} }

func (a outcome) and(b outcome) outcome { return outcome{a.yes && b.yes, a.no || b.no} }
func (a outcome) or(b outcome) outcome  { return outcome{a.yes || b.yes, a.no && b.no} }
func (a outcome) inverted() outcome     { return outcome{a.no, a.yes} }

func anyOf[T any](list []T, test func(T) outcome) outcome {
	all := certain(false)
	for _, one := range list {
		all = all.or(test(one))
	}
	return all
}

type anyMap = map[string]any

func oracleEvaluate(doc string, r Request) Effect {
	valid := utf8.ValidString(r.Action) && utf8.ValidString(r.Resource)
	keys := map[string][]string{}

	var names []string
	for k := range r.Context.Caller {
		names = append(names, k)
	}
	slices.Sort(names)

	for _, k := range names {
		for _, v := range r.Context.Caller[k] {
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
		covers := o.covers(statement)
		if statement["Effect"] == "Deny" && covers.yes {
			return Deny
		}
		allowed = allowed || statement["Effect"] == "Allow" && !covers.no
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

func (o oracle) covers(s anyMap) outcome {
	all := certain(true)
	if v, ok := s["Principal"]; ok {
		all = all.and(certain(o.principal(v)))
	}
	if v, ok := s["NotPrincipal"]; ok {
		all = all.and(certain(!o.principal(v)))
	}

	action := func(v any) outcome {
		return certain(slices.ContainsFunc(oracleList(v), func(p string) bool {
			return regexp.MustCompile(`\A(?s:` + oracleGlob(oracleLower(p)) + `)\z`).MatchString(
				oracleLower(o.request.Action),
			)
		}))
	}

	if v, ok := s["Action"]; ok {
		all = all.and(action(v))
	}
	if v, ok := s["NotAction"]; ok {
		all = all.and(action(v).inverted())
	}

	resource := func(v any) outcome {
		return anyOf(oracleList(v), func(p string) outcome { return o.text(p, o.request.Resource, true, "(?s") })
	}
	if v, ok := s["Resource"]; ok {
		all = all.and(resource(v))
	}
	if v, ok := s["NotResource"]; ok {
		all = all.and(resource(v).inverted())
	}

	block, _ := s["Condition"].(anyMap)
	for operator, keys := range block {
		for key, values := range keys.(anyMap) {
			all = all.and(o.condition(operator, oracleLower(key), oracleList(values)))
		}
	}

	return all
}

// has reports whether the request has a key, and whether that is known.
func (o oracle) has(key string) (values []string, known bool) {
	if values, ok := o.keys[key]; ok {
		return values, true
	}
	if o.request.Context.Service == nil {
		return nil, false
	}
	return o.request.Context.Service(key)
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
					account := len(parts) > 4 &&
						(parts[4] == name ||
							regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:root$`).MatchString(name) &&
								strings.Split(name, ":")[4] == parts[4])
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
func (o oracle) text(pattern, value string, wild bool, flags string) outcome {
	quote := regexp.QuoteMeta
	if wild {
		quote = oracleGlob
	}
	if !o.variables {
		return certain(regexp.MustCompile(flags + `:\A` + quote(pattern) + `\z)`).MatchString(value))
	}

	var expression strings.Builder
	last, missing, open := 0, false, false
	for _, at := range oracleVariable.FindAllStringIndex(pattern, -1) {
		expression.WriteString(quote(pattern[last:at[0]]))
		last = at[1]
		name := pattern[at[0]+2 : at[1]-1]
		if name == "*" || name == "?" || name == "$" {
			expression.WriteString(regexp.QuoteMeta(name))
			continue
		}

		key, fallback, hasFallback := strings.Cut(name, ",")
		values, known := o.has(oracleLower(strings.TrimSpace(key)))
		switch {
		case len(values) == 1:
			expression.WriteString(regexp.QuoteMeta(values[0]))
		case len(values) > 1 || !known:
			open = true
			expression.WriteString(".*")
		case hasFallback:
			expression.WriteString(regexp.QuoteMeta(strings.Trim(strings.TrimSpace(fallback), "'")))
		default:
			missing = true
		}
	}
	expression.WriteString(quote(pattern[last:]))

	matches := regexp.MustCompile(flags + `:\A` + expression.String() + `\z)`).MatchString(value)
	switch {
	case missing:
		return certain(false)
	case open && (matches || strings.Contains(flags, "i")):
		return maybe
	}

	return certain(matches)
}

func (o oracle) condition(operator, key string, wanted []string) outcome {
	given, known := o.has(key)
	if len(given) == 0 && !known {
		return maybe
	}
	if operator == "Null" {
		return certain(strings.EqualFold(wanted[0], "true") != (len(given) > 0))
	}

	all := strings.HasPrefix(operator, "ForAllValues:")
	some := strings.HasPrefix(operator, "ForAnyValue:")
	operator = operator[strings.Index(operator, ":")+1:]
	ifExists := strings.HasSuffix(operator, "IfExists")
	operator = strings.TrimSuffix(operator, "IfExists")
	not := strings.Contains(operator, "Not")
	operator = strings.Replace(operator, "Not", "", 1)

	switch {
	case len(given) == 0:
		return certain(all || !some && (ifExists || not))
	case all && strings.Join(given, "") == "":
		return certain(true)
	}

	met := func(v string) outcome {
		return anyOf(wanted, func(w string) outcome { return o.compare(operator, v, w) })
	}
	unmet := func(v string) outcome { return met(v).inverted() }
	switch {
	case all && not, not && !some:
		return anyOf(given, met).inverted()
	case all:
		return anyOf(given, unmet).inverted()
	case some && not:
		return anyOf(given, unmet)
	default:
		return anyOf(given, met)
	}
}

func (o oracle) compare(operator, v, w string) outcome {
	sign := func(kind string, c int) outcome {
		switch strings.TrimPrefix(operator, kind) {
		case "Equals":
			return certain(c == 0)
		case "LessThan":
			return certain(c < 0)
		case "LessThanEquals":
			return certain(c <= 0)
		case "GreaterThan":
			return certain(c > 0)
		case "GreaterThanEquals":
			return certain(c >= 0)
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
		if !strings.EqualFold(v, "true") && !strings.EqualFold(v, "false") {
			return maybe
		}
		return certain(strings.EqualFold(v, w))
	case operator == "BinaryEquals":
		a, err := base64.StdEncoding.Strict().DecodeString(v)
		if err != nil {
			return maybe
		}
		b, _ := base64.StdEncoding.Strict().DecodeString(w)
		return certain(string(a) == string(b))
	case operator == "IpAddress":
		ip := net.ParseIP(v)
		if ip == nil {
			return maybe
		}
		if _, block, err := net.ParseCIDR(w); err == nil {
			return certain((block.IP.To4() != nil) == (ip.To4() != nil) && block.Contains(ip))
		}
		return certain(ip.Equal(net.ParseIP(w)))
	case strings.HasPrefix(operator, "Arn"):
		return o.arn(v, w)
	case strings.HasPrefix(operator, "Numeric"):
		form := regexp.MustCompile(`^[+-]?\d+(\.\d+)?$`)
		if !form.MatchString(v) || len(v) > 64 {
			return maybe
		}
		a, _ := new(big.Rat).SetString(v)
		b, _ := new(big.Rat).SetString(w)
		return sign("Numeric", a.Cmp(b))
	case strings.HasPrefix(operator, "Date"):
		a, ok := oracleDate(v)
		if !ok {
			return maybe
		}
		b, _ := oracleDate(w)
		return sign("Date", a.Compare(b))
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
		if t, err := time.Parse(
			time.RFC3339, s+strings.TrimPrefix("-01-01T00:00:00Z", strings.TrimSuffix(complete, "T00:00:00Z")),
		); err == nil && len(s) <= 10 {
			return t, true
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true
	}
	t, err := time.Parse("2006-01-02T15:04Z07:00", s)

	return t, err == nil
}

func oracleIsARN(v string) bool {
	return strings.Count(v, ":") >= 5 && strings.HasPrefix(v, "arn:")
}

func (o oracle) arn(v, w string) outcome {
	if !oracleIsARN(v) {
		return maybe
	}
	if strings.Trim(w, "*") == "" {
		return certain(true)
	}
	got := strings.SplitN(v, ":", 6)

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
		name, fallback, hasFallback := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(w, "${"), "}"), ",")
		values, known := o.has(oracleLower(strings.TrimSpace(name)))
		if len(values) == 0 && known && hasFallback {
			values = []string{strings.Trim(strings.TrimSpace(fallback), "'")}
		}

		switch {
		case len(values) == 0 && known:
			return certain(false)
		case len(values) != 1 || !oracleIsARN(values[0]):
			return maybe
		}

		return certain(values[0] == v)
	}

	all := certain(true)
	for i := range parts {
		all = all.and(o.text(parts[i], got[i], true, "(?s"))
	}

	return all
}
