// Package clilogin signs people in from the command line, and gets their temporary credentials from an
// identity pool: at any OpenID Connect issuer, at a user pool, or as a guest. It keeps profiles and
// sign-ins in files of the user, and renews what expires.
//
// Start reading at Client: Login signs in (browser.go, device.go, userpool.go), Credentials renews
// (renew.go), Logout ends. A profile (profile.go) has no secret; a sign-in (signin.go) has all of them.
//
// Two processes never spend one refresh token: renewals of a profile hold its lock. What the issuer
// answered is written before it is used, so that a crash loses as little as possible.
package clilogin

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Options configure a Client. Folders and Now are required.
type Options struct {
	Folders Folders
	Now     func() time.Time
	// HTTP sends all requests; nil = a transport with the proxy of the environment.
	HTTP http.RoundTripper
	// Keyring keeps the keys of sign-ins; nil = there is none.
	Keyring Keyring
	// Notice tells the person something: an address to open, a code to type; nil = nobody is told.
	Notice func(text string)
	// Open opens an address in a browser; nil = there is no browser here.
	Open func(ctx context.Context, address string) error
	// PrintOnly leaves it to the person to open the address in a browser of this machine. Open is not used.
	PrintOnly bool
	// Ask asks for a text that a user pool wants: a password or a code; nil = nobody can be asked.
	// hidden texts are not shown while they are typed.
	Ask func(ctx context.Context, label string, hidden bool) (string, error)
}

// Client signs in and keeps sign-ins. It is safe for concurrent use, also by several processes.
type Client struct {
	o   Options
	web *web
}

// New returns a client. It does nothing before it is asked to.
func New(o Options) *Client {
	if o.Notice == nil {
		o.Notice = func(string) {}
	}
	return &Client{o: o, web: newWeb(o.HTTP)}
}

// Folders are where profiles and sign-ins are kept.
type Folders struct {
	Config string // profiles
	State  string // sign-ins and locks
}

// UserFolders returns the folders of the user: those of the XDG base directories on Unix, those of the
// system on macOS and Windows.
func UserFolders() (Folders, error) {
	config, err := os.UserConfigDir()
	if isXDG := runtime.GOOS != "windows" && runtime.GOOS != "darwin"; isXDG &&
		!filepath.IsAbs(os.Getenv("XDG_CONFIG_HOME")) {
		// XDG: a folder that is not absolute is to be ignored. The library refuses it.
		config, err = os.UserHomeDir()
		config = filepath.Join(config, ".config")
	}
	if err != nil {
		return Folders{}, err
	}

	f := Folders{Config: filepath.Join(config, "poolhouse")}
	f.State = filepath.Join(f.Config, "state")
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return f, nil
	}

	// XDG: a state directory that is not absolute is to be ignored.
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		f.State = filepath.Join(state, "poolhouse")
		return f, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return Folders{}, err
	}
	f.State = filepath.Join(home, ".local", "state", "poolhouse")

	return f, nil
}
