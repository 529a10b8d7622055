package credentialagent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
	"github.com/poolhouse-id/poolhouse/internal/wholefile"
)

const (
	// mark begins a file that an agent wrote. Others are not overwritten.
	mark = "# Written by `poolhouse agent`, which replaces it. Do not edit.\n"
	// maxFile bounds a file that is looked at before it is replaced, in bytes.
	maxFile = 1 << 20
	// leastWait is between two renewals, whatever credentials say about their life.
	leastWait = 10 * time.Second
	// retryWait is between two attempts after a failure.
	retryWait = 30 * time.Second
)

var sectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ForeignFileError means that a file is not an agent's.
type ForeignFileError struct{ Path string }

func (e *ForeignFileError) Error() string {
	return e.Path + " was not written by `poolhouse agent`, and is not replaced: give another --credentials-file"
}

// File is a credentials file of AWS SDKs that an agent keeps.
type File struct {
	Path    string
	Section string // the name of AWS's profile in it
	Region  string // "" = the file has none
}

// SectionError means that a name can be none of a profile in the file.
type SectionError struct{ Name string }

func (e *SectionError) Error() string {
	return fmt.Sprintf("the name %q of the profile in the file must have 1 to 64 letters, digits, dots, dashes and "+
		"underscores", e.Name)
}

// Prepare makes the folder of the file. It refuses a file that is not an agent's. Errors:
// *SectionError, *ForeignFileError, those of package os.
func (f File) Prepare() error {
	if !sectionName.MatchString(f.Section) {
		return &SectionError{Name: f.Section}
	}
	if err := f.own(); !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	return os.MkdirAll(filepath.Dir(f.Path), 0o700)
}

// own returns an error unless the file is an agent's.
func (f File) own() error {
	text, err := wholefile.Read(f.Path, maxFile)
	if err == nil && !strings.HasPrefix(string(text), mark) {
		err = &ForeignFileError{Path: f.Path}
	}
	return err
}

// Write replaces the file. It is complete whenever a program reads it, and only the user may.
func (f File) Write(k clilogin.Credentials) error {
	var b strings.Builder
	b.WriteString(mark)
	fmt.Fprintf(&b, "# Expires: %s\n[%s]\n", k.Expires.UTC().Format(time.RFC3339), f.Section)

	for _, row := range [][2]string{
		{"aws_access_key_id", k.AccessKeyID},
		{"aws_secret_access_key", k.SecretAccessKey},
		{"aws_session_token", k.SessionToken},
		{"region", f.Region},
	} {
		if row[1] == "" {
			continue
		}
		if strings.ContainsFunc(row[1], func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("the server's %s has characters that a credentials file cannot hold", row[0])
		}
		fmt.Fprintf(&b, "%s = %s\n", row[0], row[1])
	}

	return wholefile.ReplaceText(f.Path, []byte(b.String()))
}

// Remove removes the file, unless another program has replaced it.
func (f File) Remove() error {
	err := f.own()
	if err == nil {
		err = os.Remove(f.Path)
	}
	if _, foreign := errors.AsType[*ForeignFileError](err); foreign || errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
}

// Keeper renews the credentials in a file.
type Keeper struct {
	File   File
	Source Source
	Now    func() time.Time
	// After returns a channel that gets a time after d: time.After.
	After  func(d time.Duration) <-chan time.Time
	Failed func(error) // hears why the file was not renewed
}

// Keep writes the file before each expiry, until ctx ends. It goes on after failures: the former
// credentials may be good for a while, and somebody may sign in again.
func (k *Keeper) Keep(ctx context.Context) {
	for {
		wait := retryWait
		got, err := k.Source(ctx)
		if err == nil {
			err = k.File.Write(got)
		}
		if err == nil {
			wait = max(got.RenewAt().Sub(k.Now()), leastWait)
		} else if ctx.Err() == nil {
			k.Failed(err)
		}

		select {
		case <-ctx.Done():
			return
		case <-k.After(wait):
		}
	}
}
