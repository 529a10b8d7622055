package admincli

import (
	"encoding/json"
	"time"
)

// moment is a time as the API has it: seconds since 1970.
type moment json.Number

// MarshalJSON returns the number.
func (m moment) MarshalJSON() ([]byte, error) { return json.Marshal(json.Number(m)) }

// UnmarshalJSON reads the number.
func (m *moment) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, (*json.Number)(m)) }

// seconds shows a number of seconds for people.
func seconds(n int64) string { return (time.Duration(n) * time.Second).String() }

// String returns the time for people, in UTC.
func (m moment) String() string { return m.plus(0) }

// shownTime shows a time for people, in UTC.
func shownTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plus returns a later time for people, in UTC.
func (m moment) plus(d time.Duration) string {
	seconds, err := json.Number(m).Float64()
	if err != nil {
		return string(m)
	}
	return shownTime(time.Unix(int64(seconds), 0).Add(d))
}
