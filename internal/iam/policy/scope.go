package policy

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// scope is one request, prepared for the evaluation of statements.
type scope struct {
	request *Request
	action  string // lower case
	caller  Keys   // the request's, in lower case

	// sawInvalidText is set once a text of the request is not UTF-8, also by lookup, so that
	// evaluating a statement may set it. Patterns may fail to match such text, so nothing may
	// be allowed then.
	sawInvalidText bool

	// variablesIn is the partition of variables that name resources of this server;
	// "" = the stored one.
	variablesIn string
}

func newScope(r *Request) scope {
	sc := scope{request: r, action: asciiLower(r.Action), caller: r.Context.Caller}
	sc.sawInvalidText = !utf8.ValidString(r.Action) || !utf8.ValidString(r.Resource)

	folded := true
	for key, values := range r.Context.Caller {
		folded = folded && asciiLower(key) == key

		for _, v := range values {
			sc.sawInvalidText = sc.sawInvalidText || !utf8.ValidString(v)
		}
	}
	if !folded {
		sc.caller = foldKeys(r.Context.Caller)
	}

	return sc
}

// foldKeys merges keys that differ only in case: all their values count, in an order
// that does not depend on the map's.
func foldKeys(c Keys) Keys {
	lower := make(Keys, len(c))
	for _, key := range slices.Sorted(maps.Keys(c)) {
		k := asciiLower(key)
		lower[k] = append(slices.Clip(lower[k]), c[key]...)
	}
	return lower
}

// lookup returns the values of a key. Without values, the request does not have the
// key if known is true, and may have it if known is false. It may set sc.sawInvalidText.
func (sc *scope) lookup(key string) (values []string, known bool) {
	values, known = sc.request.Context.find(sc.caller, key)
	for _, v := range values {
		sc.sawInvalidText = sc.sawInvalidText || !utf8.ValidString(v)
	}

	return values, known || len(values) > 0
}
