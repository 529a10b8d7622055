package policy

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// matcher compares a value of the request with the values of a condition by the positive
// form of its operator: yes if any matches, unknown if the operator cannot compare the
// request's value.
type matcher func(value string, sc *scope) truth

// compileValues compiles the values of a policy's condition for op.
func compileValues(op operator, values []string, variables bool) (matcher, error) {
	switch op.family {
	case stringFamily:
		return compileStrings(op, values, variables)
	case arnFamily:
		return compileARNs(values, variables)
	case numericFamily:
		return compileEach(op, values, parseNumber, number.compare, "a number")
	case dateFamily:
		return compileEach(op, values, parseDate, time.Time.Compare, "a date (ISO 8601, or seconds since 1970)")
	case boolFamily:
		return compileEach(op, values, parseBool, compareBools, "true or false")
	case binaryFamily:
		return compileEach(op, values, parseBinary, bytes.Compare, "base64")
	case addressFamily:
		return compileAddresses(values)
	default:
		return nil, errors.New("the operator compares no values")
	}
}

// compileEach is compileValues for the families whose values are parsed and then
// compared.
func compileEach[T any](
	op operator, values []string, parse func(string) (T, bool), compare func(a, b T) int, what string,
) (matcher, error) {
	wanted := make([]T, 0, len(values))
	for _, v := range values {
		parsed, ok := parse(v)
		if !ok {
			return nil, fmt.Errorf("%q is not %s", v, what)
		}
		wanted = append(wanted, parsed)
	}

	return func(value string, _ *scope) truth {
		got, ok := parse(value)
		if !ok {
			return unknown
		}

		for _, w := range wanted {
			if op.comparison.accepts(compare(got, w)) {
				return yes
			}
		}

		return no
	}, nil
}

// accepts reports whether c holds, given the sign that a compare function returned.
func (c comparison) accepts(sign int) bool {
	switch c {
	case less:
		return sign < 0
	case lessOrEqual:
		return sign <= 0
	case greater:
		return sign > 0
	case greaterOrEqual:
		return sign >= 0
	default:
		return sign == 0
	}
}

func compileStrings(op operator, values []string, variables bool) (matcher, error) {
	flags := 0
	if variables {
		flags |= withVariables
	}
	if op.comparison == like {
		flags |= wildcards
	}

	wanted := make([]pattern, 0, len(values))
	for _, v := range values {
		p, err := compilePattern(v, flags)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", v, err)
		}
		wanted = append(wanted, p)
	}

	ignoreCase := op.comparison == equalsIgnoreCase

	return func(value string, sc *scope) truth {
		if !ignoreCase {
			return anyMatch(wanted, value, sc)
		}

		matched := no
		for i := 0; i < len(wanted) && matched != yes; i++ {
			matched = max(matched, wanted[i].equalFold(value, sc))
		}

		return matched
	}, nil
}

// arnParts is the number of parts of an ARN. The last may contain colons.
const arnParts = 6

// compileARNs compiles ARN patterns. Their parts are compared one by one, so that a *
// cannot match across two.
func compileARNs(values []string, variables bool) (matcher, error) {
	flags := wildcards
	if variables {
		flags |= withVariables
	}

	wanted := make([][]pattern, 0, len(values))
	for _, v := range values {
		elements, err := split(v, flags)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", v, err)
		}

		parts := splitParts(elements)
		switch {
		case len(parts) == arnParts:
		case len(parts) == 1 && newPattern(elements).mode == modeAny:
		case len(parts) == 1 && len(elements) == 1 && elements[0].kind == variable:
			// A variable that is a whole ARN.
		default:
			return nil, fmt.Errorf("%q is not an ARN of six parts", v)
		}

		list := make([]pattern, 0, len(parts))
		for _, part := range parts {
			list = append(list, newPattern(part))
		}
		wanted = append(wanted, list)
	}

	return func(value string, sc *scope) truth {
		got, ok := splitARN(value)
		if !ok {
			return unknown
		}

		matched := no
		for i := 0; i < len(wanted) && matched != yes; i++ {
			matched = max(matched, matchARN(wanted[i], value, got, sc))
		}

		return matched
	}, nil
}

// splitARN splits an ARN into its six parts.
func splitARN(text string) (parts []string, ok bool) {
	parts = strings.SplitN(text, ":", arnParts)
	return parts, len(parts) == arnParts && parts[0] == "arn"
}

func matchARN(want []pattern, whole string, parts []string, sc *scope) truth {
	if len(want) == 1 {
		return want[0].matchWholeARN(whole, sc)
	}

	matched := yes
	for i := 0; i < len(want) && matched != no; i++ {
		matched = min(matched, want[i].match(parts[i], sc))
	}

	return matched
}

// matchWholeARN is match for a pattern that is a * or one variable. If the variable's
// value is not an ARN, the result is unknown.
func (p *pattern) matchWholeARN(whole string, sc *scope) truth {
	if p.mode != modeTemplate {
		return p.match(whole, sc)
	}

	var room [1]element
	elements, filled := sc.expand(room[:0], p.elements)
	if filled != yes {
		return filled
	}
	if _, ok := splitARN(elements[0].text); !ok {
		return unknown
	}

	return truthOf(elements[0].text == whole)
}

// splitParts splits elements at the first five colons of their literals. The value of a
// variable stays inside its part.
func splitParts(elements []element) [][]element {
	parts := make([][]element, 1, arnParts)
	for _, e := range elements {
		for e.kind == literal && len(parts) < arnParts {
			before, after, ok := strings.Cut(e.text, ":")
			if !ok {
				break
			}
			if before != "" {
				parts[len(parts)-1] = append(parts[len(parts)-1], element{kind: literal, text: before})
			}
			parts = append(parts, nil)
			e.text = after
		}
		if e.kind != literal || e.text != "" {
			parts[len(parts)-1] = append(parts[len(parts)-1], e)
		}
	}

	return parts
}

// number is an integer or a decimal, compared exactly.
type number struct {
	integer int64
	decimal *big.Rat // nil = integer holds the value
}

var numberPattern = regexp.MustCompile(`^[+-]?[0-9]+(?:\.[0-9]+)?$`)

func parseNumber(s string) (number, bool) {
	if len(s) > 64 || !numberPattern.MatchString(s) {
		return number{}, false
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{integer: i}, true
	}
	r, ok := new(big.Rat).SetString(s)
	return number{decimal: r}, ok
}

func (n number) compare(m number) int {
	if n.decimal == nil && m.decimal == nil {
		return cmp.Compare(n.integer, m.integer)
	}
	return n.rat().Cmp(m.rat())
}

func (n number) rat() *big.Rat {
	if n.decimal != nil {
		return n.decimal
	}
	return new(big.Rat).SetInt64(n.integer)
}

// dateLayouts are the profile of ISO 8601 that the IAM User Guide refers to
// (www.w3.org/TR/NOTE-datetime). Fractions of a second parse with every layout that
// has seconds.
var dateLayouts = []string{
	"2006", "2006-01", "2006-01-02",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04:05Z07:00",
}

func parseDate(s string) (time.Time, bool) {
	if len(s) > 4 && len(s) <= 18 && strings.Trim(s, "0123456789") == "" {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}

	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}

	return time.Time{}, false
}

func parseBool(s string) (value, ok bool) {
	switch {
	case strings.EqualFold(s, "true"):
		return true, true
	case strings.EqualFold(s, "false"):
		return false, true
	}
	return false, false
}

func compareBools(a, b bool) int {
	if a == b {
		return 0
	}
	return 1
}

func parseBinary(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil
}

func parseAddress(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	return addr.Unmap(), err == nil && addr.Zone() == ""
}

func compileAddresses(values []string) (matcher, error) {
	wanted := make([]netip.Prefix, 0, len(values))
	for _, v := range values {
		prefix, err := netip.ParsePrefix(v)
		if err != nil {
			addr, err := netip.ParseAddr(v)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is not an IP address or CIDR block", v)
			}
			addr = addr.Unmap()
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("%q: write IPv4 blocks in IPv4 notation", v)
		}
		wanted = append(wanted, prefix.Masked())
	}

	return func(value string, _ *scope) truth {
		addr, ok := parseAddress(value)
		if !ok {
			return unknown
		}

		for _, prefix := range wanted {
			if prefix.Contains(addr) {
				return yes
			}
		}

		return no
	}, nil
}
