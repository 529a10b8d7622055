// Command image makes the container image of Poolhouse from a program that is built already. It
// needs neither a container engine nor a base image.
//
//	image -binary poolhouse -arch amd64 -version 1.2.3 -revision HASH -created TIME -output FILE
//	image -index DIR FILE...
//
// The first form writes a file for `docker load`. The second joins such files, one for each
// architecture, to an OCI image layout that can be pushed to a registry.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(arguments []string, usage io.Writer) error {
	var (
		s             source
		output, index string
		created       string
	)
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&s.binary, "binary", "", "the program, for Linux")
	flags.StringVar(&s.arch, "arch", "", "its architecture, as Go names it")
	flags.StringVar(&s.version, "version", "", "its version, which is also the image's tag")
	flags.StringVar(&s.revision, "revision", "", "the commit that it was built from")
	flags.StringVar(&created, "created", "", "the time of that commit, RFC 3339")
	flags.StringVar(&s.documents, "documents", ".", "folder of LICENSE and THIRD_PARTY_LICENSES.md")
	flags.StringVar(&output, "output", "", "file to write")
	flags.StringVar(&index, "index", "", "folder to write the image layout of the given files into")

	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if index != "" {
		return writeIndex(index, flags.Args())
	}
	if s.binary == "" || s.arch == "" || s.version == "" || output == "" || flags.NArg() > 0 {
		return errors.New("give -binary, -arch, -version and -output, or -index with files")
	}

	var err error
	if s.created, err = time.Parse(time.RFC3339, created); err != nil {
		return fmt.Errorf("-created: %w", err)
	}

	return writeImage(output, s)
}
