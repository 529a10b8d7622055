package idtoken

// ForgetProofs makes every token new to v.
func ForgetProofs(v *Verifier) { v.proved.Purge() }
