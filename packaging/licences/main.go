// Command licences writes THIRD_PARTY_LICENSES.md: the licence of each module that a program of a
// release contains, on any platform. It fails if a licence is unknown or not allowed.
//
//	go run ./packaging/licences
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// listFile is the list, in the project's root.
const listFile = "THIRD_PARTY_LICENSES.md"

func main() {
	root := flag.String("root", ".", "the project's root")
	flag.Parse()

	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	list, err := generate(root)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, listFile), list, 0o644)
}

// generate returns the text of the list.
func generate(root string) ([]byte, error) {
	parts, err := contents(root)
	if err != nil {
		return nil, err
	}

	var errs []error
	for i := range parts {
		errs = append(errs, parts[i].identify())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}

	return write(parts), nil
}

const heading = `# Licences of third-party software

<!-- Written by: go run ./packaging/licences -->

The programs of a release contain the Go modules below, unchanged. Their sources are those of the Go module of this
name and version. The container image contains golang.org/x/crypto/x509roots as a file with root certificates. The
console, which the programs contain too, is built with the npm packages.

| Module | Version | Licences |
|---|---|---|
`

// write lists the parts, then each text once.
func write(parts []part) []byte {
	var list bytes.Buffer
	list.WriteString(heading)

	var texts []string
	of := map[string][]string{} // text to the files that have it
	for _, p := range parts {
		fmt.Fprintf(&list, "| %s | %s | %s |\n", p.name, p.version, strings.Join(p.licences, ", "))

		for _, file := range p.files {
			text := strings.TrimSpace(strings.ReplaceAll(file.text, "\r\n", "\n"))
			if of[text] == nil {
				texts = append(texts, text)
			}
			of[text] = append(of[text], p.name+"/"+file.path)
		}
	}

	list.WriteString("\n## Texts\n")

	for _, text := range texts {
		list.WriteString("\n")

		for _, file := range of[text] {
			fmt.Fprintf(&list, "- %s\n", file)
		}
		fmt.Fprintf(&list, "\n~~~text\n%s\n~~~\n", text)
	}

	return list.Bytes()
}
