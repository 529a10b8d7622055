package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/datalock"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

func devCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run for development: with known keys and a built-in issuer",
		Long: `Run for development. Data is kept in the folder .poolhouse (or in --data; --memory keeps
nothing). The account is 000000000000, the region us-east-1, and the keys are
test/test. A built-in OpenID Connect issuer issues tokens for any user that you name.
Refusals are explained on the terminal as they happen. Never expose this server:
everybody knows its keys.

A new .poolhouse begins with a demo pool, its roles and three users. --seed fills the
server from files instead: pools, roles, providers, users and identities, with the
IDs that you choose. --watch applies the files again when they change.`,
		Example: `  poolhouse dev
  poolhouse dev --seed seed.yaml --watch
  poolhouse dev --memory --demo
  poolhouse dev --memory --listen 127.0.0.1:0 --ready-file ready.json
  poolhouse dev --listen 0.0.0.0:4599 --issuer-url http://poolhouse:4599
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
			s.standard(&s.Console, "true")
			if err := checkConsole(s); err != nil {
				return err
			}
			ctx, ready, err := supervised(c)
			if err != nil {
				return err
			}

			seeds, err := newDevSeeds(c, s)
			if err != nil {
				return err
			}

			return dev(ctx, s, seeds, ready, net.InterfaceAddrs)
		},
	}
	addSettings(c, "listen", "data", "issuer_url", "strict_roles", "managed_policies_file", "chosen_ids",
		"token_algorithm", "log_level", "log_format", "dev.allowed_hosts", "dev.allowed_origins",
		"dev.control_token", "dev.user_pool_code", "metrics_listen", "console",
		"console_listen", "console_idle", "lame_duck", "max_wait")
	c.Flags().Bool("memory", false, "keep nothing: all data is gone when the server stops")
	c.Flags().Bool("demo", false, "make the demo pool with its roles and users, unless it exists")
	c.Flags().StringArray("seed", nil,
		"file, or folder of files, of pools, roles, providers, users and identities to have; may be repeated")
	c.Flags().Bool("watch", false, "apply the files of --seed again when they change")
	c.Flags().String("ready-file", "",
		"file that is there while the server answers: JSON with its endpoint and pools; - prints it as one line")
	c.Flags().Bool("exit-with-parent", false, "stop when the program that started this one ends: "+
		"standard input must be a pipe from it, whose end stops the server")
	c.AddCommand(devInfoCommand(), devTokenCommand(), devEnvCommand(), devRotateKeyCommand(),
		devResetCommand())

	return c
}

func dev(
	ctx context.Context, s *settings, seeds *devSeeds, ready *readyFile, addresses func() ([]net.Addr, error),
) error {
	people := os.Stdout
	if ready.isLine() {
		people = os.Stderr // a program reads standard output
	}
	out, err := devOutputs(s, people)
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
		return errors.Join(adviseReset(err, c.DataDir), l.Close())
	}

	colour := terminal.PaletteFor(people)
	c.OnTrace = func(t poolhouse.Trace) { printTrace(out.stdout, colour, t) }
	c.OnDevCode = func(code poolhouse.DevCode) { printCode(out.stdout, colour, code) }
	c.OnDevReset = func(ctx context.Context, fresh *poolhouse.Server, empty bool) error {
		if err := seeds.replant(ctx, fresh, empty, out.stdout); err != nil {
			return err
		}
		return ready.refresh(ctx, aboutServer(fresh))
	}
	limitMemory(memlimit.FromCgroup, out.logger)

	server, err := poolhouse.New(ctx, c)
	if err != nil {
		if _, held := errors.AsType[*datalock.HeldError](err); held {
			err = adviseMemory(err)
		}
		return errors.Join(adviseReset(err, c.DataDir), l.Close())
	}

	// Seeds come first: whoever is answered finds what they have.
	if err := seeds.plant(ctx, server, out.stdout); err != nil {
		if ctx.Err() != nil { // somebody stopped the server meanwhile
			err = nil
		}
		return errors.Join(err, l.Close(), server.Close())
	}
	info, _ := server.DevInfo()
	notes := devNotes(l, addresses)
	if c.IssuerURL != c.DevEndpoint {
		notes = append(notes, "Tokens name "+c.IssuerURL+" as their issuer (issuer_url).")
	}
	hello, err := newWelcome(ctx, server, notes)
	if err != nil {
		return errors.Join(err, l.Close(), server.Close())
	}

	hello.Colour, hello.Console = colour, shownConsole(server, &c, l, addresses)
	hello.print(out.stdout)
	about := aboutServer(server)
	serve := func(ctx context.Context) error { return serveUntil(ctx, server, l, c.LameDuck, out.logger) }
	applied := func() error { return ready.refresh(ctx, about) }

	return seeds.watchDuring(ctx, server, out.stdout, colour, applied, func(ctx context.Context) error {
		return ready.during(ctx, info.Endpoint, about, serve)
	})
}

// aboutServer returns what tells a ready file's content.
func aboutServer(server *poolhouse.Server) func(context.Context) (readiness, error) {
	info, _ := server.DevInfo()

	return func(ctx context.Context) (readiness, error) {
		pools, err := server.DevPools(ctx, poolhouse.MaxDevPools)
		return readiness{
			Endpoint: info.Endpoint,
			PID:      os.Getpid(),
			Region:   info.Region,
			Issuer:   info.Issuer,
			Pools:    pools,
		}, err
	}
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
	c.Settings = s.forServer()
	c.Logger, c.LogLinesDropped = out.logger, out.dropped
	if c.LameDuck, err = lameDuck(s, devLameDuck); err != nil {
		return c, err
	}
	if s.source(&s.MaxWait) == "default" {
		c.MaxWait = 0 // other work on a developer's machine delays calls, too
	}

	// Tokens name the issuer of the settings: in a container's network clients know the server by
	// another name than its own machine does.
	c.DevEndpoint, c.ListenAddress = baseURL(l.main), l.main.Addr().String()
	c.IssuerURL = cmp.Or(c.IssuerURL, c.DevEndpoint)
	if l.console != nil {
		c.DevConsoleURL = devConsoleURL(s, l.console)
	}

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

// printTrace explains on the terminal why a call was refused.
func printTrace(out io.Writer, p terminal.Palette, t poolhouse.Trace) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s%s%s", p.Bold, joined(" ", t.Operation, t.Outcome), p.Reset)
	if t.Message != "" {
		fmt.Fprintf(&b, "  %s", printable(t.Message))
	}
	fmt.Fprintf(&b, "  (request %s)\n", t.RequestID)
	b.WriteString(admincli.Steps(p, t.Steps, t.Planned))
	_, _ = io.WriteString(out, b.String())
}

// printCode shows a code on the terminal, in place of an e-mail or a text message.
func printCode(out io.Writer, p terminal.Palette, c poolhouse.DevCode) {
	whom := c.Username
	if c.Destination != "" && c.Destination != c.Username {
		whom += " (" + c.Destination + ")"
	}
	text := fmt.Sprintf("\nCode %s%s%s to %s, for %s in user pool %s\n",
		p.Bold, printable(c.Code), p.Reset, c.Purpose, printable(whom), printable(joined(" ", c.PoolName, c.Pool)))
	_, _ = io.WriteString(out, text)
}

// joined joins the non-empty texts with a separator.
func joined(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), separator)
}
