package main

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
)

// connectionPair is both ends of a TCP connection.
func connectionPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	if client, err = dialTCP(t.Context(), l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll([]net.Conn{client, server}) })

	return client, server
}

// An idle connection is usable, was closed in good order, or is broken.
func TestAskAgain(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	for _, test := range []struct {
		name     string
		server   func(net.Conn)
		accepted string
		before   bool // the server is done before the connection is used again
	}{
		{name: "usable", accepted: "nil",
			server: func(c net.Conn) { _, _ = c.Read(make([]byte, 100)); _, _ = io.WriteString(c, ok) }},
		{name: "closed before", accepted: "EOF", before: true, server: func(c net.Conn) { _ = c.Close() }},
		{name: "cut off", accepted: "error",
			server: func(c net.Conn) { _, _ = c.Read(make([]byte, 100)); _ = c.Close() }},
		{name: "answers unasked", accepted: "error", before: true,
			server: func(c net.Conn) { _, _ = io.WriteString(c, ok) }},
		{name: "an error", accepted: "error", server: func(c net.Conn) {
			_, _ = c.Read(make([]byte, 100))
			_, _ = io.WriteString(c, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, server := connectionPair(t)
			done := make(chan struct{})
			go func() {
				defer close(done)

				test.server(server)
			}()
			if test.before {
				<-done
			}

			got := "error"
			switch err := askAgain(client); err {
			case nil:
				got = "nil"
			case io.EOF:
				got = "EOF"
			}

			if got != test.accepted {
				t.Errorf("%s, want %s", got, test.accepted)
			}
		})
	}
}

// Slow clients do send slowly, and come again when the server ends them.
func TestSlowClients(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	accepted := make(chan struct{}, 100)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1000))
			_ = c.Close()

			accepted <- struct{}{}
		}
	}()

	s := startSlow(t.Context(), "http://"+l.Addr().String(), 2)

	for range 6 {
		<-accepted
	}
	s.stop()

	if s.ended.Load() < 4 {
		t.Errorf("%d connections were ended", s.ended.Load())
	}
}

// A limit of open files makes the crowd smaller, and the table tells it.
func TestCrowdFitsTheOpenFiles(t *testing.T) {
	for _, test := range []struct {
		files, idle int
		told        bool
	}{
		{files: 20_000, idle: crowdIdle},
		{files: crowdIdle + crowdSlow + otherFiles, idle: crowdIdle},
		{files: 4096, idle: 4096 - crowdSlow - otherFiles, told: true},
		{files: 1024, told: true},
	} {
		var c crowdUse
		c.fit(test.files)

		if c.Idle != test.idle || c.Slow != crowdSlow {
			t.Errorf("%d files: %d idle, %d slow", test.files, c.Idle, c.Slow)
		}
		if told := strings.Contains(c.name(), strconv.Itoa(test.files)); told != test.told {
			t.Errorf("%d files: %q", test.files, c.name())
		}

		missed := 0
		for _, b := range c.bars() {
			if strings.HasPrefix(b.text, "all of the crowd") && !b.held {
				missed++
			}
		}
		if (missed == 1) != test.told {
			t.Errorf("%d files: the bar is held", test.files)
		}
	}
}
