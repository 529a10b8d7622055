package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// poolVariable has the ID of the identity pool that an app uses.
const poolVariable = envPrefix + "POOL_ID"

func devEnvCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the environment for clients of a running development server",
		Long: `Print the environment variables with which AWS SDKs, tools and tests use a running
development server: its endpoint, keys and region, and in POOLHOUSE_POOL_ID the ID of
its identity pool. If it has several pools, --pool chooses; else it is the demo pool.

  --format sh          for eval in sh, bash and zsh (the default)
  --format fish        for: poolhouse dev env --format fish | source
  --format powershell  for: poolhouse dev env --format powershell | Out-String | Invoke-Expression
  --format dotenv      for a file .env
  --format json        a JSON object
  --format amplify     the configuration of Amplify for the pool, as JSON

The server is found by --endpoint, by --data, by the folder .poolhouse of the current
folder, by AWS_ENDPOINT_URL_COGNITO_IDENTITY, or at http://127.0.0.1:4599.`,
		Example: `  eval "$(poolhouse dev env)"
  poolhouse dev env --format dotenv > .env
  poolhouse dev env --pool app --format amplify > src/amplify.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			format, _ := c.Flags().GetString("format")
			wanted, _ := c.Flags().GetString("pool")
			write, known := envFormats[format]
			if !known && format != amplifyFormat {
				names := append(slices.Collect(maps.Keys(envFormats)), amplifyFormat)
				slices.Sort(names)
				return fmt.Errorf("--format %q: use one of %s", format, strings.Join(names, ", "))
			}

			server, err := findDevServerByFolder(c)
			if err != nil {
				return err
			}
			var list poolhouse.DevPoolsResponse
			if err := server.get(c.Context(), poolhouse.DevPoolsPath, &list); err != nil {
				return err
			}
			pool, err := choosePool(list.Pools, wanted)
			if err != nil {
				return err
			}
			if pool.notice != "" {
				fmt.Fprintf(c.ErrOrStderr(), "poolhouse: %s\n", pool.notice)
			}

			if format == amplifyFormat {
				return writeAmplify(c.OutOrStdout(), server, pool)
			}

			variables, err := server.environment(c.Context(), pool)
			if err != nil {
				return err
			}
			_, err = io.WriteString(c.OutOrStdout(), write(variables))

			return err
		},
	}
	addDevServer(c)
	c.Flags().String("pool", "", "name or ID of the identity pool; needed if the server has several")
	c.Flags().String("format", "sh", "sh, fish, powershell, dotenv, json or amplify")

	return c
}

// amplifyFormat is the format that has a pool only.
const amplifyFormat = "amplify"

// writeAmplify prints the configuration of Amplify.
func writeAmplify(out io.Writer, server controlClient, pool chosenPool) error {
	if pool.ID == "" {
		return errors.New("the configuration of Amplify needs an identity pool: " + pool.advice)
	}
	_, err := fmt.Fprintln(out, pool.Amplify(server.endpoint))

	return err
}

// chosenPool is the pool whose ID the environment gets; without one, advice tells how to get it.
type chosenPool struct {
	poolhouse.DevPool

	advice string
	notice string // about the choice, for the terminal; "" = nothing needs to be said
}

// choosePool returns the pool of a name or ID; with "" the only pool or the demo pool.
func choosePool(pools []poolhouse.DevPool, wanted string) (chosenPool, error) {
	found := slices.DeleteFunc(slices.Clone(pools), func(p poolhouse.DevPool) bool {
		return wanted != "" && p.ID != wanted && p.Name != wanted
	})
	var ids []string
	for _, p := range found {
		ids = append(ids, printable(p.ID+" ("+p.Name+")"))
	}

	switch {
	case len(found) == 1:
		return chosenPool{DevPool: found[0]}, nil
	case wanted != "" && len(found) == 0:
		return chosenPool{}, fmt.Errorf("--pool %q: the server has no pool of this name or ID", wanted)
	case wanted != "":
		return chosenPool{}, fmt.Errorf("--pool %q: several pools have this name; give an ID: %s",
			wanted, strings.Join(ids, ", "))
	case len(found) == 0:
		return chosenPool{advice: "the server has none yet; make one with CreateIdentityPool"}, nil
	}

	demo := slices.IndexFunc(found, func(p poolhouse.DevPool) bool { return p.ID == devseed.DemoPool })
	advice := "the server has several pools; choose with --pool: " + strings.Join(ids, ", ")
	if demo >= 0 {
		return chosenPool{DevPool: found[demo], notice: "this is the demo pool; " + advice}, nil
	}

	// Not an error: scripts that name their pool themselves need only the rest.
	return chosenPool{advice: advice, notice: poolVariable + " is not printed: " + advice}, nil
}

// variable is an environment variable.
type variable struct{ name, value string }

// environment returns the variables for clients of a server. The endpoint is the one by which this
// command reached it: clients reach it there, too.
func (s controlClient) environment(ctx context.Context, pool chosenPool) ([]variable, error) {
	var info poolhouse.DevInfo
	if err := s.get(ctx, poolhouse.DevInfoPath, &info); err != nil {
		return nil, err
	}

	variables := []variable{
		{name: endpointVariable, value: s.endpoint},
		{name: "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", value: s.endpoint},
		{name: "AWS_ENDPOINT_URL_STS", value: s.endpoint},
		{name: "AWS_ENDPOINT_URL_IAM", value: s.endpoint},
		{name: "AWS_ACCESS_KEY_ID", value: info.AccessKeyID},
		{name: "AWS_SECRET_ACCESS_KEY", value: info.SecretAccessKey},
	}
	if os.Getenv("AWS_SESSION_TOKEN") != "" { // of other keys: calls with it would be refused
		variables = append(variables, variable{name: "AWS_SESSION_TOKEN"})
	}
	variables = append(variables,
		variable{name: "AWS_REGION", value: info.Region},
		variable{name: "AWS_DEFAULT_REGION", value: info.Region})
	if pool.ID != "" {
		variables = append(variables, variable{name: poolVariable, value: pool.ID})
	}

	// Shells run the output: what is no plain text comes from no `poolhouse dev`.
	for _, v := range variables {
		if strings.ContainsFunc(v.value, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, fmt.Errorf("the server gives %q as %s: is it a `poolhouse dev`?", v.value, v.name)
		}
	}

	return variables, nil
}

// envFormats write variables in the syntax of what reads them. An empty value removes one.
var envFormats = map[string]func([]variable) string{
	"sh":         lines("export %s=%s\n", "unset %s\n", shellQuoted),
	"fish":       lines("set -gx %s %s\n", "set -e %s\n", fishQuoted),
	"powershell": lines("$env:%s = %s\n", "$env:%s = $null\n", powershellQuoted),
	"dotenv":     lines("%s=%s\n", "%s=\n", dotenvQuoted),
	"json": func(variables []variable) string {
		o := object{}
		for _, v := range variables {
			o = append(o, jsonMember{name: v.name, value: v.value})
		}
		text, err := json.MarshalIndent(o, "", "  ")
		if err != nil { // texts always encode
			return err.Error()
		}

		return string(explain.TerminalJSON(text)) + "\n"
	},
}

// lines writes one line for each variable: set for a value, unset for none.
func lines(set, unset string, quoted func(string) string) func([]variable) string {
	return func(variables []variable) string {
		var b strings.Builder
		for _, v := range variables {
			if v.value == "" {
				fmt.Fprintf(&b, unset, v.name)
			} else {
				fmt.Fprintf(&b, set, v.name, quoted(v.value))
			}
		}

		return b.String()
	}
}

// fishQuoted returns text as one word of fish, which knows \\ and \' in single quotes.
func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}

// powershellQuoted returns text as a literal of PowerShell.
func powershellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// dotenvPlain matches values that every reader of .env files takes as they are, also those that do
// not know quotes, such as docker run --env-file.
var dotenvPlain = regexp.MustCompile(`^[\w./:@%+,-]+$`)

// dotenvQuoted returns text as the value of a line in a .env file. Readers take it literally in
// single quotes, and know escapes in double quotes.
func dotenvQuoted(text string) string {
	switch {
	case dotenvPlain.MatchString(text):
		return text
	case !strings.Contains(text, "'"):
		return "'" + text + "'"
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(text) + `"`
	}
}
