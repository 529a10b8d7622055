package overload

// Class is a kind of calls that wait for the same resource.
type Class uint8

// The classes of calls. Health, metrics, discovery and published keys have none, because
// they are never refused.
const (
	Reads          Class = iota // wait for a processor, and for the database on a cache miss
	Writes                      // wait for a durable write
	Signing                     // wait for an RSA signature
	Authentication              // signed calls whose signature is not yet proven; anybody can make them
	Administration              // calls signed by a known access key: few, and most needed under load
	numClasses
)

var classNames = [numClasses]string{
	Reads:          "reads",
	Writes:         "writes",
	Signing:        "signing",
	Authentication: "authentication",
	Administration: "administration",
}

// String returns the class's name in metrics and the log.
func (c Class) String() string { return classNames[c] }

// Classes lists the classes.
func Classes() []Class { return []Class{Reads, Writes, Signing, Authentication, Administration} }

// Reason is why a call was refused.
type Reason uint8

// The reasons.
const (
	none      Reason = iota
	LongQueue        // the class's queue is too long
	Processor        // goroutines wait too long for a processor
	InFlight         // the most calls allowed are in flight
	numReasons
)

var reasonNames = [numReasons]string{
	LongQueue: "queue",
	Processor: "processor",
	InFlight:  "in_flight",
}

// String returns the reason's name in metrics and the log.
func (r Reason) String() string { return reasonNames[r] }

// Reasons lists the reasons.
func Reasons() []Reason { return []Reason{LongQueue, Processor, InFlight} }
