package apply

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/template"
)

// Terminals and the logs of build servers keep what is printed, so neither the plan nor an error shows
// secrets. There are two kinds: values of parameters with NoEcho, which a mask finds wherever they are,
// and secrets of login providers, which are known by their place, the property loginProviders.

// mask hides secrets in what is printed.
type mask struct {
	noEcho []string // values of parameters with NoEcho, and what functions make of them
}

// text returns a text without values of parameters with NoEcho.
func (m mask) text(text string) string { return template.Hide(text, m.noEcho) }

// fault returns an error whose text has no values of parameters with NoEcho.
func (m mask) fault(err error) error {
	if text := m.text(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// difference returns the parts of a difference as they may be shown.
func (m mask) difference(d difference) (path, from, to string) {
	path = d.Path
	if key, ok := strings.CutPrefix(path, loginProviders+"."); ok {
		path = loginProviders + "." + shownProvider(key)
	}

	old := d.From
	if old != nil && m.found(d.To) { // the value that a secret replaces was one, too
		old = hiddenValue
	}

	return m.text(path), short(m.value(d.Path, old)), short(m.value(d.Path, d.To))
}

// found reports whether a value has one of a parameter with NoEcho.
func (m mask) found(v any) bool {
	v = plain(v)
	return len(m.noEcho) > 0 && show(m.deep(v)) != show(v)
}

// value returns the value at a path without secrets of either kind.
func (m mask) value(path string, v any) any {
	if v != nil && len(m.noEcho) > 0 {
		v = m.deep(plain(v))
	}
	if path == passwordProperty && v != nil {
		return hiddenValue
	}

	switch v := v.(type) {
	case string:
		if key, ok := strings.CutPrefix(path, loginProviders+"."); ok {
			return provider.Default().ShownApp(key, v)
		}
	case map[string]any:
		if path == loginProviders {
			shown := map[string]any{}
			for key, app := range v {
				shown[shownProvider(key)] = m.value(path+"."+key, app)
			}
			return shown
		}
	}

	return v
}

// deep returns a value of JSON without values of parameters with NoEcho, in keys too.
func (m mask) deep(v any) any {
	switch v := v.(type) {
	case string:
		return m.text(v)
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, m.deep(one))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, one := range v {
			out[m.text(key)] = m.deep(one)
		}
		return out
	default:
		return v
	}
}

// hiddenValue is shown in place of a secret.
const hiddenValue = "****"

// passwordProperty is the property of a user that has a password.
const passwordProperty = "PoolhousePassword"

// loginProviders is the property of a pool whose values may hold secrets.
const loginProviders = "SupportedLoginProviders"

// shownProvider returns the name of a login provider as it may be shown. Who swaps
// name and value writes a secret there.
func shownProvider(name string) string { return provider.Default().ShownApp("", name) }

// appPath matches the path of a login provider in a call's input, at any depth.
var appPath = regexp.MustCompile(`(?is)\.` + loginProviders + `\.(.*)$`)

// hideSecrets removes the secrets of login providers that a call has sent from the
// server's refusal. AWS's messages repeat what they refuse.
func hideSecrets(err error, in any) error {
	refused, ok := errors.AsType[*apiError](err)
	if !ok {
		return err
	}

	apps := map[string]string{}
	eachLeaf("", plain(in), func(path string, leaf any) {
		if parts := appPath.FindStringSubmatch(path); parts != nil {
			apps[parts[1]], _ = leaf.(string)
		}
	})
	if len(apps) > 0 {
		refused.Message = messageWithout(refused.Message, apps)
	}

	return err
}

// echoedApps finds the value of SupportedLoginProviders in a ValidationException, which
// may be cut off in the middle of a secret.
var echoedApps = regexp.MustCompile(`(?s)Value '\{.*?' at '([\w.]*(?i:supportedLoginProviders))'`)

// messageWithout returns a message without the secrets of login providers.
func messageWithout(message string, apps map[string]string) string {
	var shown []string
	to := map[string]string{}
	for key, secret := range sorted(apps) {
		name, app := shownProvider(key), provider.Default().ShownApp(key, secret)
		shown = append(shown, name+"="+app)
		to[key], to[secret] = name, app
	}

	message = echoedApps.ReplaceAllString(message,
		"Value '"+strings.ReplaceAll("{"+strings.Join(shown, ", ")+"}", "$", "$$")+"' at '$1'")

	// Longer ones first: one secret may be the beginning of another.
	secrets := slices.SortedFunc(maps.Keys(to), func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		if secret != "" && to[secret] != secret {
			message = strings.ReplaceAll(message, secret, to[secret])
		}
	}

	return message
}
