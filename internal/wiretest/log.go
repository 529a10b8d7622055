package wiretest

import (
	"bytes"
	"strings"
	"sync"
)

// SafeBuffer is a log sink for concurrent writers.
type SafeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *SafeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.b.Write(p)
}

// String returns the log.
func (s *SafeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.b.String()
}

// Take empties the log and returns the lines that contain part.
func (s *SafeBuffer) Take(part string) (lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	for line := range strings.Lines(s.b.String()) {
		if strings.Contains(line, part) {
			lines = append(lines, line)
		}
	}
	s.b.Reset()

	return lines
}
