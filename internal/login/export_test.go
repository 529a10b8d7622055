package login

// Settle waits for the background work that earlier calls started.
func Settle(v *Verifier) { v.running.Wait() }
