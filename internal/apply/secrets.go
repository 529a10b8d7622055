package apply

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/provider"
	"github.com/poolhouse-id/poolhouse/internal/template"
)

// Terminals and the logs of build servers keep what is printed. So neither the plan
// nor an error shows the secrets of login providers.

// hidden returns a text without the values of parameters with NoEcho.
func (a *applier) hidden(text string) string { return template.Hide(text, a.secrets) }

// old returns what a value was, for people. What takes the place of a secret was one, too.
func (a *applier) old(from, to any) any {
	if len(a.secrets) == 0 || to == nil || from == nil {
		return from
	}
	if to = plain(to); show(a.withoutParameters(to)) != show(to) {
		return "****"
	}

	return from
}

// withoutParameters hides the values of parameters with NoEcho, in keys too.
func (a *applier) withoutParameters(v any) any {
	switch v := v.(type) {
	case string:
		return a.hidden(v)
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, a.withoutParameters(one))
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, one := range v {
			out[a.hidden(key)] = a.withoutParameters(one)
		}
		return out
	default:
		return v
	}
}

// loginProviders is the property of a pool whose values may hold secrets.
const loginProviders = "SupportedLoginProviders"

// withoutSecrets returns a value at a path as the plan may show it.
func withoutSecrets(path string, v any) any {
	switch v := v.(type) {
	case string:
		if key, ok := strings.CutPrefix(path, loginProviders+"."); ok {
			return provider.Default().ShownApp(key, v)
		}
	case map[string]any:
		shown := make(map[string]any, len(v))
		for key, one := range v {
			to := key
			if path == loginProviders {
				to = shownProvider(key)
			}
			shown[to] = withoutSecrets(strings.TrimPrefix(path+"."+key, "."), one)
		}

		return shown
	}

	return v
}

// pathWithoutSecrets returns a path as the plan may show it.
func pathWithoutSecrets(path string) string {
	if key, ok := strings.CutPrefix(path, loginProviders+"."); ok {
		return loginProviders + "." + shownProvider(key)
	}
	return path
}

// shownProvider returns the name of a login provider as it may be shown. Who swaps
// name and value writes a secret there.
func shownProvider(name string) string { return provider.Default().ShownApp("", name) }

// hideSecrets removes the secrets of login providers that a call has sent from the
// server's refusal. AWS's messages repeat what they refuse.
func hideSecrets(err error, in any) error {
	refused, ok := errors.AsType[*apiError](err)
	if !ok {
		return err
	}

	text, encodingErr := json.Marshal(in)
	var sent any
	if encodingErr != nil || json.Unmarshal(text, &sent) != nil {
		return err
	}

	for _, apps := range sentApps(sent) {
		refused.Message = messageWithout(refused.Message, apps)
	}

	return err
}

// sentApps finds the values of SupportedLoginProviders at any depth of a call's
// input.
func sentApps(in any) (found []map[string]any) {
	switch in := in.(type) {
	case []any:
		for _, one := range in {
			found = append(found, sentApps(one)...)
		}
	case map[string]any:
		for name, member := range in {
			if apps, ok := member.(map[string]any); ok && strings.EqualFold(name, loginProviders) {
				found = append(found, apps)
			} else {
				found = append(found, sentApps(member)...)
			}
		}
	}

	return found
}

// echoedApps finds the value of SupportedLoginProviders in a ValidationException, which
// may be cut off in the middle of a secret.
var echoedApps = regexp.MustCompile(`(?s)Value '\{.*?' at '([\w.]*(?i:supportedLoginProviders))'`)

// messageWithout returns a message without the secrets of login providers.
func messageWithout(message string, apps map[string]any) string {
	var shown []string
	to := map[string]string{}
	for key, value := range sorted(apps) {
		secret, _ := value.(string)
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
