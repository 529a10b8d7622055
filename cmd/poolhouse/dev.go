package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/explain"
)

func devCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run for development: with known keys and a built-in issuer",
		Long: `Run for development. Data is kept in the folder .poolhouse (or in --data; --memory keeps
nothing). The account is 000000000000, the region us-east-1, and the keys are
test/test. A built-in OpenID Connect issuer issues tokens for any user that you name.
Refusals are explained on the terminal as they happen. Never expose this server:
everybody knows its keys.`,
		Example: `  poolhouse dev
  poolhouse dev --memory
  poolhouse dev --listen 127.0.0.1:0 --data ./data --strict-roles
  poolhouse dev --dev-allowed-origins https://app.test --dev-allowed-hosts poolhouse.test
  poolhouse dev token --sub alice --claim email=a@b.c`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := loadSettings(c)
			if err != nil {
				return err
			}
			if err := chooseDevData(c, s); err != nil {
				return err
			}
			if err := checkDevDatabase(s); err != nil {
				return err
			}

			return dev(c.Context(), s, net.InterfaceAddrs)
		},
	}
	addSettings(c, "listen", "data", "strict_roles", "managed_policies_file", "chosen_ids", "token_algorithm",
		"log_level", "log_format", "dev.allowed_hosts", "dev.allowed_origins", "metrics_listen",
		"lame_duck", "max_wait")
	c.Flags().Bool("memory", false, "keep nothing: all data is gone when the server stops")
	c.AddCommand(devInfoCommand(), devTokenCommand(), devResetCommand())

	return c
}

func dev(ctx context.Context, s *settings, addresses func() ([]net.Addr, error)) error {
	out, err := devOutputs(s)
	if err != nil {
		return err
	}
	defer out.close()

	l, err := listen(s)
	if err != nil {
		return err
	}
	c, err := devConfig(ctx, s, out, l)
	if err != nil {
		return errors.Join(err, l.Close())
	}

	colour := newPalette(os.Stdout)
	c.OnTrace = func(t poolhouse.Trace) { printTrace(out.stdout, colour, t) }
	limitMemory(memlimit.FromCgroup, out.logger)

	server, err := poolhouse.New(ctx, c)
	if err != nil {
		if _, held := errors.AsType[*datalock.HeldError](err); held {
			err = adviseMemory(err)
		}
		return errors.Join(err, l.Close())
	}
	info, _ := server.DevInfo()
	printWelcome(out.stdout, colour, info, server.DataPlace(), programName(), devNotes(l, addresses)...)

	return serveUntil(ctx, server, l, c.LameDuck, out.logger)
}

// checkDevDatabase refuses a variable that was meant for `poolhouse serve`: it must not select
// a database here.
func checkDevDatabase(s *settings) error {
	if s.DatabaseURL != "" && s.source(&s.DatabaseURL) == "environment "+envPrefix+"DATABASE" {
		return s.fault(&s.DatabaseURL, "poolhouse dev does not use a database from the environment: "+
			"unset the variable, or name a development database in a settings file")
	}
	return nil
}

// devConfig turns settings into those of a development server, and makes its data folder and
// master key.
func devConfig(ctx context.Context, s *settings, out *outputs, l listeners) (poolhouse.Config, error) {
	c, err := serverConfig(s)
	if err != nil {
		return c, err
	}
	c.Dev = true
	c.AcceptUnknownRoles = !s.StrictRoles
	c.Logger, c.LogLinesDropped = out.logger, out.dropped
	if c.LameDuck, err = lameDuck(s, devLameDuck); err != nil {
		return c, err
	}
	if s.source(&s.MaxWait) == "default" {
		c.MaxWait = 0 // other work on a developer's machine delays calls, too
	}

	// In development the server itself is the issuer. Clients may still use the hostname of
	// the configured issuer URL.
	if u, err := url.Parse(c.IssuerURL); err == nil && u.Hostname() != "" && net.ParseIP(u.Hostname()) == nil {
		c.DevHosts = append(c.DevHosts, u.Hostname())
	}
	c.IssuerURL, c.ListenAddress = baseURL(l.main), l.main.Addr().String()

	if c.DataDir != "" {
		if err := makeDevFolder(s, c.DataDir); err != nil {
			return c, err
		}
	}

	err = poolhouse.CheckInitialised(ctx, c)
	isNew := errors.Is(err, poolhouse.ErrNotInitialised) // else the master key exists or is lost
	if err != nil && !isNew {
		return c, err
	}
	c.MasterKey, err = masterKey(s, isNew)

	return c, err
}

// palette has colours for terminals, unless NO_COLOR is set (no-color.org).
type palette struct{ bold, red, green, reset string }

func newPalette(out io.Writer) palette {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || !term.IsTerminal(int(f.Fd())) {
		return palette{}
	}
	return palette{bold: "\x1b[1m", red: "\x1b[31m", green: "\x1b[32m", reset: "\x1b[0m"}
}

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

func printWelcome(out io.Writer, p palette, info poolhouse.DevInfo, data, program string, notes ...string) {
	var lines strings.Builder
	for _, note := range notes {
		fmt.Fprintf(&lines, "%s%s%s\n", p.red, note, p.reset)
	}
	fmt.Fprintf(out, `%[1]sPoolhouse %[2]s listens on %[3]s%[4]s
%[5]sDevelopment mode: known keys, and an issuer that issues tokens for anybody. Do not expose it.%[4]s
%[13]sOpen the address in a browser to see pools and calls.
Data is %[6]s.

export AWS_ENDPOINT_URL_COGNITO_IDENTITY=%[3]s
export AWS_ENDPOINT_URL_STS=%[3]s
export AWS_ENDPOINT_URL_IAM=%[3]s
export AWS_ACCESS_KEY_ID=%[7]s
export AWS_SECRET_ACCESS_KEY=%[8]s
export AWS_REGION=%[9]s
export AWS_DEFAULT_REGION=%[9]s

Try it:
  POOL=$(aws cognito-identity create-identity-pool --endpoint-url %[3]s \
    --identity-pool-name demo --allow-unauthenticated-identities \
    --open-id-connect-provider-arns %[10]s --query IdentityPoolId --output text)
  aws cognito-identity get-id --endpoint-url %[3]s --identity-pool-id $POOL
  aws cognito-identity get-id --endpoint-url %[3]s --identity-pool-id $POOL \
    --logins %[11]s=$(%[12]s dev token --endpoint %[3]s --sub alice)
`, p.bold, version(), info.Endpoint, p.reset, p.red, data, info.AccessKeyID, info.SecretAccessKey, info.Region,
		info.OIDCProviderARN, info.LoginKey, program, lines.String())
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

var needsQuotes = regexp.MustCompile(`[^\w./+@-]`)

// printTrace explains on the terminal why a call was refused.
func printTrace(out io.Writer, p palette, t poolhouse.Trace) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s%s%s", p.bold, joined(" ", t.Operation, t.Outcome), p.reset)
	if t.Message != "" {
		fmt.Fprintf(&b, "  %s", printable(t.Message))
	}
	fmt.Fprintf(&b, "  (request %s)\n", t.RequestID)
	writeSteps(&b, p, t)
	_, _ = io.WriteString(out, b.String())
}

// joined joins the non-empty texts with a separator.
func joined(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), separator)
}

// writeSteps shows the checks of a refused call, the checks not reached, and the reason.
func writeSteps(b *strings.Builder, p palette, t poolhouse.Trace) {
	for _, s := range t.Steps {
		check := s.Title()
		if s.Provider != "" {
			check = s.Provider + ": " + check
		}
		if s.OK {
			fmt.Fprintf(b, "  %sok%s      %s: %s\n", p.green, p.reset, printable(check), printable(s.Got))
			continue
		}

		fmt.Fprintf(b, "  %srefused%s %s: expected %s; got %s\n",
			p.red, p.reset, printable(check), printable(s.Expected), printable(s.Got))
		if s.Detail != "" {
			for line := range strings.SplitSeq(s.Detail, "\n") {
				fmt.Fprintf(b, "          | %s\n", printable(line))
			}
		}
		if s.Fix != "" {
			fmt.Fprintf(b, "          fix: %s\n", printable(s.Fix))
		}
		if s.Link != nil {
			fmt.Fprintf(b, "          at: %s\n", printable(place(*s.Link)))
		}
	}

	if len(t.Planned) > 0 {
		names := make([]string, len(t.Planned))
		for i, code := range t.Planned {
			names[i] = string(code)
		}
		fmt.Fprintf(b, "  not reached: %s\n", printable(strings.Join(names, ", ")))
	}

	if t.Reason != "" {
		fmt.Fprintf(b, "  reason: %s\n", printable(string(t.Reason)))
	}
}

// place describes where a link leads.
func place(l explain.Link) string {
	text := joined(", ", joined(" ", l.Kind, l.ID), l.Field)
	text = joined(": add ", text, l.Add)
	if l.Source == explain.SourceFile && l.Kind != explain.LinkSetting {
		text += " (in the settings file)"
	}

	return text
}
