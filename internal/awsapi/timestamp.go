package awsapi

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Timestamp is a point in time as AWS JSON 1.1 writes it: a JSON number of seconds
// since 1970-01-01 UTC, an integer if whole, else with milliseconds.
type Timestamp time.Time

// At returns t as a Timestamp for an optional member of an answer.
func At(t time.Time) *Timestamp { return new(Timestamp(t)) }

// Time returns t as a time.Time.
func (t Timestamp) Time() time.Time { return time.Time(t) }

// MarshalJSONTo writes t as a JSON number.
func (t Timestamp) MarshalJSONTo(enc *jsontext.Encoder) error {
	ms := time.Time(t).UnixMilli()

	b := enc.AvailableBuffer()
	if ms%1000 == 0 {
		b = strconv.AppendInt(b, ms/1000, 10)
	} else {
		b = strconv.AppendFloat(b, float64(ms)/1000, 'f', -1, 64)
	}

	return enc.WriteValue(b)
}
