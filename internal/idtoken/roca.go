package idtoken

import "math/big"

// rocaPrimes are the primes up to 167 modulo which a modulus of the flawed
// generator of CVE-2017-15361 ("ROCA") is a power of 65537, as few others are;
// each with those powers. A key of that generator can be factored.
var rocaPrimes = func() map[int64][168]bool {
	tests := map[int64][168]bool{}
	for p := int64(3); p <= 167; p += 2 {
		if !big.NewInt(p).ProbablyPrime(0) { // exact for numbers this small
			continue
		}
		var powers [168]bool
		count := int64(0)
		for x := int64(1); !powers[x]; x = x * 65537 % p {
			powers[x] = true
			count++
		}
		if count < p-1 { // otherwise every modulus passes
			tests[p] = powers
		}
	}
	return tests
}()

// madeByROCA reports whether an RSA modulus has the mark of CVE-2017-15361. Of
// some 200 million other moduli one has it too.
func madeByROCA(n *big.Int) bool {
	var rest big.Int
	for p, powers := range rocaPrimes {
		if !powers[rest.Mod(n, big.NewInt(p)).Int64()] {
			return false
		}
	}
	return true
}
