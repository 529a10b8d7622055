package credentialagent

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

const (
	// maxStrangers bounds the connections that have not sent the token. Any user of the machine can open them.
	maxStrangers = 32
	// maxFriends bounds those that have.
	maxFriends = 256
)

// connections bounds the connections of a server. The oldest gives way, so that nobody is kept out.
type connections struct {
	mu                 sync.Mutex
	strangers, friends []net.Conn // oldest first
}

// connectionKey is the key of the function that makes the connection of a request a friend's.
type connectionKey struct{}

func (c *connections) context(ctx context.Context, connection net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, func() { c.befriend(connection) })
}

// befriend notes that the request's connection has sent the token.
func befriend(r *http.Request) {
	if befriend, is := r.Context().Value(connectionKey{}).(func()); is {
		befriend()
	}
}

func (c *connections) befriend(connection net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if i := slices.Index(c.strangers, connection); i >= 0 {
		c.strangers = slices.Delete(c.strangers, i, i+1)
		c.friends = bounded(append(c.friends, connection), maxFriends)
	}
}

// state is the server's ConnState.
func (c *connections) state(connection net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()

	same := func(other net.Conn) bool { return other == connection }
	switch state {
	case http.StateNew:
		c.strangers = bounded(append(c.strangers, connection), maxStrangers)
	case http.StateClosed, http.StateHijacked:
		c.strangers = slices.DeleteFunc(c.strangers, same)
		c.friends = slices.DeleteFunc(c.friends, same)
	}
}

// bounded closes the oldest connection if there are more than most.
func bounded(list []net.Conn, most int) []net.Conn {
	if len(list) <= most {
		return list
	}
	_ = list[0].Close() // the server notices

	return slices.Delete(list, 0, 1)
}
