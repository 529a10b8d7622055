// Command poolhouse is a self-hosted identity broker with the API of Amazon Cognito identity
// pools. `poolhouse dev` runs it for development, `poolhouse serve` for production;
// `poolhouse --help` lists the other commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/admincli"
	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/clilogin"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func main() { os.Exit(run()) }

// gcPercent is the garbage collector's target (GOGC) unless the environment sets one. The live
// heap is a few MiB, so at Go's default of 100 the collector would run many times a second under
// load. The price is some tens of MiB while the server is busy.
const gcPercent = 400

// run is main without os.Exit, so that tests can call it.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	context.AfterFunc(ctx, stop) // from then on another signal ends the process at once

	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}

	err := execute(ctx, rootCommand(), os.Args[1:])
	// An error that is joined with the program's end is told.
	program, ended := err.(*programExit) //nolint:errorlint // as it is, not joined
	if err != nil && (!ended || program.cause != nil) {
		lastWords(os.Stderr, err)
	}

	return exitStatus(err)
}

// execute runs a command. A group of commands has none of its own, so it shows its help; cobra does so, too, for a name
// that the group does not have, and ends well.
func execute(ctx context.Context, root *cobra.Command, arguments []string) error {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(arguments...)
	root.SetArgs(arguments)

	named, help := arguments, len(arguments) > 0 && arguments[0] == "help"
	if help {
		named = arguments[1:]
	}
	c, rest, err := root.Find(named)
	if err != nil && help {
		return err
	}
	if err == nil && !c.Runnable() && len(rest) > 0 {
		if err := unknownCommand(c, rest); err != nil {
			return err
		}
	}

	return root.ExecuteContext(ctx)
}

// unknownCommand refuses the name of a command that a group does not have.
func unknownCommand(group *cobra.Command, arguments []string) error {
	if err := group.ParseFlags(arguments); err != nil {
		return nil //nolint:nilerr // cobra tells of it, and shows the help for --help
	}
	names := group.Flags().Args()
	if len(names) == 0 {
		return nil
	}

	known := make([]string, 0, len(group.Commands()))
	for _, c := range group.Commands() {
		known = append(known, c.Name())
	}
	if near := explain.Nearest(names[0], known); near != "" {
		return fmt.Errorf("unknown command %q for %q; did you mean %s?", names[0], group.CommandPath(), near)
	}

	return fmt.Errorf("unknown command %q for %q; `%[2]s --help` lists the commands", names[0], group.CommandPath())
}

// Exit statuses, for scripts and supervisors (docs/operations.md, "Exit statuses").
const (
	statusFailed         = 1
	statusCouldNotRun    = 2 // of conformance
	statusInitialised    = 3
	statusNotInitialised = 4
	// statusSignIn means that a person must sign in (`poolhouse login`).
	statusSignIn = 5
	// statusTryAgain means that a server could not be asked (EX_TEMPFAIL of sysexits.h).
	statusTryAgain = 75
	// statusIOError ends a process whose database acknowledges no more writes, or is
	// damaged (EX_IOERR of sysexits.h).
	statusIOError = 74
)

func exitStatus(err error) int {
	if program, is := errors.AsType[*programExit](err); is {
		return program.status
	}
	if _, is := errors.AsType[*clilogin.SignInError](err); is {
		return statusSignIn
	}
	if _, is := errors.AsType[*clilogin.UnavailableError](err); is {
		return statusTryAgain
	}
	if _, is := errors.AsType[*clilogin.BusyError](err); is {
		return statusTryAgain
	}
	if _, is := errors.AsType[*apply.UnreachableError](err); is {
		return statusTryAgain
	}
	// A credential_process may be `poolhouse credentials`, which tells by its status what is wrong.
	if _, noKeys := errors.AsType[*noKeysError](err); noKeys {
		process, ended := errors.AsType[*exec.ExitError](err)
		if ended && slices.Contains([]int{statusSignIn, statusTryAgain}, process.ExitCode()) {
			return process.ExitCode()
		}
	}

	switch {
	case err == nil:
		return 0
	case errors.As(err, new(couldNotRun)):
		return statusCouldNotRun
	case errors.Is(err, poolhouse.ErrInitialised):
		return statusInitialised
	case errors.Is(err, poolhouse.ErrNotInitialised):
		return statusNotInitialised
	case errors.Is(err, poolhouse.ErrStopped), errors.Is(err, store.ErrDamaged):
		return statusIOError
	default:
		return statusFailed
	}
}

// nearestFlag adds to the error about an unknown flag the flag that was probably meant.
func nearestFlag(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := explain.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, near)
	}

	return fmt.Errorf("%w; `%s --help` lists the flags", err, c.CommandPath())
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "poolhouse",
		Short: "A self-hosted identity broker that speaks Amazon Cognito identity pools",
		Long: `A self-hosted identity broker with the API of Amazon Cognito identity pools. An app's
user signs in at any login provider and gets one stable identity ID. The app trades it
for an OpenID Connect token or for temporary AWS-style credentials.

Settings come from flags, then the environment (POOLHOUSE_*), then one YAML file
(--config or POOLHOUSE_CONFIG). "poolhouse config" shows them with their sources.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(nearestFlag)
	root.AddCommand(
		devCommand(),
		initCommand(),
		serveCommand(),
		configCommand(),
		keysCommand(),
		signingKeysCommand(),
		sessionKeysCommand(),
		masterKeyCommand(),
		backupCommand(),
		restoreCommand(),
		recountCommand(),
		applyCommand(),
		exportCommand(),
		importCommand(),
		explainCommand(),
		conformanceCommand(),
		loginCommand(),
		logoutCommand(),
		whoamiCommand(),
		credentialsCommand(),
		agentCommand(),
		healthcheckCommand(),
		versionCommand(),
	)

	root.AddCommand(admincli.Commands(adminOptions())...)

	return root
}
