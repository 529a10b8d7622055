package credentialagent

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

const (
	// leastWait is between two renewals, whatever credentials say about their life.
	leastWait = 10 * time.Second
	// retryWait is between two attempts after a failure.
	retryWait = 30 * time.Second
)

var sectionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// File is a credentials file of AWS SDKs that an agent keeps.
type File struct {
	*OwnFile

	Section string // the name of AWS's profile in it
	Region  string // "" = the file has none
}

// SectionError means that a name can be none of a profile in the file.
type SectionError struct{ Name string }

func (e *SectionError) Error() string {
	return fmt.Sprintf("the name %q of the profile in the file must have 1 to 64 letters, digits, dots, dashes and "+
		"underscores", e.Name)
}

// Prepare takes the file for this process. Errors: *SectionError, those of OwnFile.Prepare.
func (f File) Prepare() error {
	if !sectionName.MatchString(f.Section) {
		return &SectionError{Name: f.Section}
	}
	return f.OwnFile.Prepare()
}

// Write replaces the credentials. Errors as those of OwnFile.Write.
func (f File) Write(k clilogin.Credentials) error {
	var b strings.Builder
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

	return f.OwnFile.Write(b.String())
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
