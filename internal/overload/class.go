package overload

// Class is a kind of calls that wait for the same thing.
type Class uint8

// The classes of calls. Health, metrics, discovery and published keys have none:
// they are never refused.
const (
	Reads          Class = iota // wait for a processor, and for the database on a cache miss
	Writes                      // wait for a durable write
	Signing                     // wait for an RSA signature
	Authentication              // signed calls until their signature is proven: anybody makes them
	Administration              // calls that were signed by an access key of ours: few, and needed most when the server is busy
	classes
)

var classNames = [classes]string{
	Reads:          "reads",
	Writes:         "writes",
	Signing:        "signing",
	Authentication: "authentication",
	Administration: "administration",
}

// String returns the name by which metrics and log call the class.
func (c Class) String() string { return classNames[c] }

// Classes lists the classes.
func Classes() []Class { return []Class{Reads, Writes, Signing, Authentication, Administration} }

// Reason tells why a call was refused.
type Reason uint8

// The reasons.
const (
	none      Reason = iota
	Queue            // what the class waits for has too much to do
	Processor        // goroutines wait too long for a processor
	InFlight         // as many calls are under way as may
	reasons
)

var reasonNames = [reasons]string{
	Queue:     "queue",
	Processor: "processor",
	InFlight:  "in_flight",
}

// String returns the name by which metrics and log call the reason.
func (r Reason) String() string { return reasonNames[r] }

// Reasons lists the reasons.
func Reasons() []Reason { return []Reason{Queue, Processor, InFlight} }
