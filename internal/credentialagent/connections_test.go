package credentialagent

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/clilogin"
)

// startServer serves, and returns the address.
func startServer(t *testing.T) string {
	t.Helper()
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(&Handler{
		Token:  token,
		Source: func(context.Context) (clilogin.Credentials, error) { return good, nil },
	})
	server.ReadHeaderTimeout, server.ReadTimeout = 0, 0 // the bound alone closes connections
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })

	return listener.Addr().String()
}

// ask asks for credentials, and returns the status and whether the connection stays open.
func ask(t *testing.T, client *http.Client, address, token string) (status int, stays bool) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", token)
	response, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0, false
	}
	_ = response.Body.Close()

	return response.StatusCode, !response.Close
}

// Many connections that send nothing take neither the place of a program, nor all places.
func TestIdleConnections(t *testing.T) {
	address := startServer(t)
	friend := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	if status, stays := ask(t, friend, address, token); status != 200 || !stays {
		t.Errorf("a program: %d, stays %t", status, stays)
	}

	var idle []net.Conn
	for range 4 * maxStrangers {
		connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = connection.Close() })

		idle = append(idle, connection)
	}
	for range 2 {
		if status, _ := ask(t, friend, address, token); status != 200 {
			t.Errorf("a program: %d", status)
		}
	}
	newcomer := &http.Client{Transport: &http.Transport{}}
	if status, _ := ask(t, newcomer, address, token); status != 200 {
		t.Errorf("another program: %d", status)
	}

	// Reading ends for those that had to give way; the others would wait.
	for _, connection := range idle[:2*maxStrangers] {
		_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second)) // far, for slow machines
		if _, err := connection.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("an idle connection was not closed: %v", err)
		}
	}

	// Who has no token keeps no connection.
	if status, stays := ask(t, newcomer, address, "wrong"); status != 401 || stays {
		t.Errorf("a stranger: %d, stays %t", status, stays)
	}
}

// A connection of a program gives way to others of programs only.
func TestBounded(t *testing.T) {
	var c connections
	var all []*closable
	for n := range maxFriends + 2 {
		all = append(all, &closable{})
		c.state(all[n], http.StateNew)
		c.befriend(all[n])
	}
	if !all[0].closed || !all[1].closed || all[2].closed || len(c.friends) != maxFriends || len(c.strangers) != 0 {
		t.Errorf("%d friends, %d strangers", len(c.friends), len(c.strangers))
	}
	c.befriend(all[0]) // has been closed

	for range maxStrangers + 3 {
		c.state(&closable{}, http.StateNew)
	}
	c.state(all[2], http.StateClosed)
	if all[3].closed || len(c.friends) != maxFriends-1 || len(c.strangers) != maxStrangers {
		t.Errorf("%d friends, %d strangers", len(c.friends), len(c.strangers))
	}
}

// closable is a connection that can only be closed.
type closable struct {
	net.Conn

	closed bool
}

func (c *closable) Close() error { c.closed = true; return nil }
