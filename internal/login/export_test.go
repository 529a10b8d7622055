package login

// Settle waits for the background work that earlier calls started.
func Settle(v *Verifier) { v.running.Wait() }

// ForgetProofs makes every token new to v.
func ForgetProofs(v *Verifier) { v.proved.Purge() }
