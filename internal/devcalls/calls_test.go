package devcalls

import (
	"fmt"
	"testing"
)

// Whichever comes first, the answer or its explanation, both end up in one call; only so many
// are kept, and an explanation without an answer is not shown.
func TestCalls(t *testing.T) {
	var calls Calls
	for n := range Kept + 7 {
		id := fmt.Sprint(n)
		if n%2 == 0 {
			calls.Explain(id, "why "+id, nil, nil)
		}
		calls.Add(Call{RequestID: id, Operation: "GetId", Status: 400})
		if n%2 == 1 {
			calls.Explain(id, "why "+id, nil, nil)
		}
	}
	calls.Explain("unanswered", "why", nil, nil)

	list := calls.Newest(Kept)
	if len(list) != Kept {
		t.Fatalf("%d calls are shown", len(list))
	}
	for n, call := range list {
		want := fmt.Sprint(Kept + 6 - n)
		if call.RequestID != want || call.Message != "why "+want || call.Status != 400 {
			t.Errorf("call %d is %+v", n, call)
		}
	}
}
