package devcontrol

import (
	"context"
	"sync"
)

// Door lets calls in, and waits until they are out again.
type Door struct {
	mu     sync.Mutex
	inside int
	shutUp chan struct{} // closed when the door opens; nil = it is open
	empty  chan struct{} // closed when nobody is inside; nil = nobody waits for that
}

// Enter waits until the door is open: false = ctx has ended before.
func (d *Door) Enter(ctx context.Context) bool {
	for {
		d.mu.Lock()
		closed := d.shutUp
		if closed == nil {
			d.inside++
		}
		d.mu.Unlock()

		if closed == nil {
			return true
		}

		select {
		case <-closed:
		case <-ctx.Done():
			return false
		}
	}
}

// Leave lets one out.
func (d *Door) Leave() {
	d.mu.Lock()
	defer d.mu.Unlock()

	d.inside--
	if d.inside == 0 && d.empty != nil {
		close(d.empty)
		d.empty = nil
	}
}

// Shut closes the door and waits until nobody is inside. If ctx ends before, it opens the door again and returns
// false. Only one caller at a time may shut it.
func (d *Door) Shut(ctx context.Context) bool {
	empty := make(chan struct{})
	d.mu.Lock()
	d.shutUp = make(chan struct{})
	if d.inside == 0 {
		close(empty)
	} else {
		d.empty = empty
	}
	d.mu.Unlock()

	select {
	case <-empty:
		return true
	case <-ctx.Done():
		d.Open()
		return false
	}
}

// Open lets calls in again.
func (d *Door) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()

	close(d.shutUp)
	d.shutUp, d.empty = nil, nil
}
