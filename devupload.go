package poolhouse

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// uploads are the bodies of requests under way. A reset waits for calls, but not for a client that sends its body
// slowly, or never.
type uploads struct {
	mu      sync.Mutex
	pending map[*upload]struct{}
}

// upload is the body of a request, which can be cut off.
type upload struct {
	io.ReadCloser

	all     *uploads
	control *http.ResponseController
	cut     bool
}

// uploadGrace is how long bodies under way may take from the beginning of a reset.
const uploadGrace = 2 * time.Second

// add makes the body of a request one that can be cut off. The caller calls done at the end of the request.
func (u *uploads) add(w http.ResponseWriter, r *http.Request) (_ *http.Request, done func()) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}

	body := &upload{ReadCloser: r.Body, all: u, control: http.NewResponseController(w)}
	u.mu.Lock()
	if u.pending == nil {
		u.pending = map[*upload]struct{}{}
	}
	u.pending[body] = struct{}{}
	u.mu.Unlock()

	changed := *r
	changed.Body = body

	return &changed, body.end
}

// cutOff ends the bodies that have not come yet.
func (u *uploads) cutOff() {
	u.mu.Lock()
	defer u.mu.Unlock()

	for body := range u.pending {
		body.cut = true
		_ = body.control.SetReadDeadline(time.Unix(1, 0)) // long past; fails only outside a network
	}
}

// Read reads the body. At its end it can no longer be cut off.
func (b *upload) Read(into []byte) (int, error) {
	n, err := b.ReadCloser.Read(into)
	if err != nil {
		b.end()
	}

	return n, err
}

func (b *upload) end() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()

	if _, pending := b.all.pending[b]; !pending {
		return
	}
	delete(b.all.pending, b)
	if b.cut { // the deadline would end the request whose body has just come
		_ = b.control.SetReadDeadline(time.Time{})
	}
}
