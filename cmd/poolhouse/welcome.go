package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"text/template"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// What a welcome lists; more is counted in words.
const (
	welcomePools = 5
	welcomeUsers = 10
)

// welcome has the text that a development server prints when it is ready.
type welcome struct {
	Colour  terminal.Palette
	Version string
	Program string // how a shell calls it
	Info    poolhouse.DevInfo
	Data    string // where it is, in words
	Console string // its URL; "" = there is none
	Notes   []string

	Pools     []poolhouse.DevPool
	MorePools bool
	Users     []devuser.User
	MoreUsers bool

	UserPools     []poolhouse.DevUserPool
	MoreUserPools bool
}

// newWelcome asks a server for what its welcome tells.
func newWelcome(ctx context.Context, server *poolhouse.Server, notes []string) (welcome, error) {
	info, _ := server.DevInfo()
	pools, err := server.DevPools(ctx, welcomePools+1)
	if err != nil {
		return welcome{}, err
	}
	users := server.DevUsers().List()
	userPools := server.DevUserPools(welcomePools + 1)

	return welcome{
		Version:   version(),
		Program:   programName(),
		Info:      info,
		Data:      server.DataPlace(),
		Notes:     notes,
		Pools:     pools[:min(len(pools), welcomePools)],
		MorePools: len(pools) > welcomePools,
		Users:     users[:min(len(users), welcomeUsers)],
		MoreUsers: len(users) > welcomeUsers,

		UserPools:     userPools[:min(len(userPools), welcomePools)],
		MoreUserPools: len(userPools) > welcomePools,
	}, nil
}

// First returns the pool of the examples; nil = there is none.
func (w welcome) First() *poolhouse.DevPool {
	if len(w.Pools) == 0 {
		return nil
	}
	return &w.Pools[0]
}

// Somebody returns the flag that names a user for the examples.
func (w welcome) Somebody() string { return devuser.ExampleFlag(w.Users) }

// Everything from the exports on is for a shell: all of it can be pasted.
var welcomeText = template.Must(template.New("welcome").Funcs(template.FuncMap{
	"printable": printable,
	"shell":     func(text any) string { return shellQuoted(fmt.Sprint(text)) },
}).Parse(`{{.Colour.Bold}}Poolhouse {{.Version}} listens on {{.Info.Endpoint}}{{.Colour.Reset}}
{{.Colour.Red}}Development mode: known keys, and an issuer of tokens for anybody. Do not expose it.{{.Colour.Reset}}
{{range .Notes}}{{$.Colour.Red}}{{.}}{{$.Colour.Reset}}
{{end}}Data is {{.Data}}.
Open {{.Info.Endpoint}}/ in a browser to see pools, users and calls.
{{with .Console}}Open {{printable .}} for the console.
{{end}}{{if .Pools}}
{{.Colour.Bold}}Pools{{.Colour.Reset}}
{{range .Pools}}  {{.ID}}  {{printable .Name}}{{if .Guests}}, with guests{{end}}
{{end}}{{if .MorePools}}  and more: aws cognito-identity list-identity-pools --max-results 60
{{end}}{{end}}{{if .Users}}
{{.Colour.Bold}}Users{{.Colour.Reset}}
  {{range $n, $user := .Users}}{{if $n}}, {{end}}{{$user.Name}}{{end}}{{if .MoreUsers}} and more{{end}}
{{end}}{{if .UserPools}}
{{.Colour.Bold}}User pools{{.Colour.Reset}}
{{range .UserPools}}  {{.ID}}  {{printable .Name}}
{{- range $n, $client := .Clients}}{{if $n}}, {{else}}, client {{end}}{{.ID}}{{end}}
{{end}}{{if .MoreUserPools}}  and more: aws cognito-idp list-user-pools --max-results 60
{{end}}{{end}}{{with .First}}
{{$.Colour.Bold}}Amplify{{$.Colour.Reset}}
Amplify.configure({{.Amplify $.Info.Endpoint}});
{{end}}
{{.Colour.Bold}}# For the AWS SDKs and the AWS CLI{{.Colour.Reset}}
export AWS_ENDPOINT_URL_COGNITO_IDENTITY={{shell .Info.Endpoint}}
export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER={{shell .Info.Endpoint}}
export AWS_ENDPOINT_URL_STS={{shell .Info.Endpoint}}
export AWS_ENDPOINT_URL_IAM={{shell .Info.Endpoint}}
export AWS_ACCESS_KEY_ID={{shell .Info.AccessKeyID}} AWS_SECRET_ACCESS_KEY={{shell .Info.SecretAccessKey}}
export AWS_REGION={{shell .Info.Region}} AWS_DEFAULT_REGION={{shell .Info.Region}}

{{.Colour.Bold}}# Try it{{.Colour.Reset}}
{{with .First}}POOL={{shell .ID}}
{{else}}POOL=$(aws cognito-identity create-identity-pool --endpoint-url {{shell .Info.Endpoint}} \
  --identity-pool-name demo --allow-unauthenticated-identities \
  --open-id-connect-provider-arns {{shell .Info.OIDCProviderARN}} --query IdentityPoolId --output text)
{{end}}{{if .WithGuests}}aws cognito-identity get-id --endpoint-url {{shell .Info.Endpoint}} --identity-pool-id $POOL
{{end}}{{if .WithUsers}}aws cognito-identity get-id --endpoint-url {{shell .Info.Endpoint}} --identity-pool-id $POOL \
  --logins {{shell .Info.LoginKey}}=$({{.Program}} dev token --endpoint {{shell .Info.Endpoint}} {{.Somebody}})
{{end}}`))

// WithGuests reports whether the examples show a guest.
func (w welcome) WithGuests() bool { return w.First() == nil || w.First().Guests }

// WithUsers reports whether the examples show a user of the built-in issuer.
func (w welcome) WithUsers() bool { return w.First() == nil || w.First().Trusts }

// print writes the welcome. A terminal that has gone is no fault of the server.
func (w welcome) print(out io.Writer) { _ = welcomeText.Execute(out, w) }

// devNotes returns lines about who can reach the server, and about its metrics.
func devNotes(l listeners, addresses func() ([]net.Addr, error)) []string {
	var notes []string
	if urls, local := othersURLs(l.main, addresses); !local {
		warning := "Warning: others on the network can use this server, and everybody knows its keys"
		if len(urls) > 0 {
			warning += ": " + strings.Join(urls, " or ")
		}
		notes = append(notes, warning)
	}

	if l.metrics != nil {
		notes = append(notes, "Metrics are on "+baseURL(l.metrics)+"/metrics.")
	}
	if l.forward != nil {
		notes = append(notes, "Requests are forwarded from "+baseURL(l.forward)+".")
	}

	return notes
}

// programName returns how a shell calls this program: by its name if that is in the path, else
// by the running file, as with `go run`.
func programName() string {
	const name = "poolhouse"
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	file, err := os.Executable()
	if err != nil {
		return name
	}

	return shellQuoted(file)
}

// shellQuoted returns text as one word of a POSIX shell.
func shellQuoted(text string) string {
	if text != "" && !needsQuotes.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

var needsQuotes = regexp.MustCompile(`[^\w./:+@-]`)
