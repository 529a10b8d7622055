// Command registries makes the packages for the registries of other languages from the programs that
// GoReleaser has built: npm (Node.js), PyPI (pytest) and Maven (JUnit). It publishes nothing.
//
//	registries -dist dist -created TIME [-release]
//
// It needs npm, Python 3 with pip, and Maven. The version is that of the programs.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "registries:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context, arguments []string, usage io.Writer) error {
	var dist, created string
	var b builder
	flags := flag.NewFlagSet("registries", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&dist, "dist", "dist", "folder with what GoReleaser has built; the packages go there, too")
	flags.StringVar(&created, "created", "", "the time of the commit, RFC 3339")
	flags.StringVar(&b.sources, "sources", "packaging", "folder with the sources of the packages")
	flags.StringVar(&b.documents, "documents", ".", "folder of LICENSE and THIRD_PARTY_LICENSES.md")
	flags.StringVar(&b.python, "python", "python3", "Python with pip")
	flags.BoolVar(&b.release, "release", false, "also what Maven Central wants besides: the Java documentation")
	if err := flags.Parse(arguments); err != nil {
		return err
	}

	var err error
	b.created, err = time.Parse(time.RFC3339, created)
	if err != nil {
		return fmt.Errorf("-created: %w", err)
	}
	if b.built, err = readBuild(dist); err != nil {
		return err
	}

	b.work, err = os.MkdirTemp("", "registries") // the tools read files above a folder, too
	if err != nil {
		return err
	}

	defer func() { _ = os.RemoveAll(b.work) }()

	return b.all(ctx, dist)
}
