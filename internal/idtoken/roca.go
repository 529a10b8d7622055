package idtoken

import "math/big"

// rocaPrimes maps primes up to 167 to the powers of 65537 modulo that prime. The
// flawed generator of CVE-2017-15361 ("ROCA") makes moduli that are such a power
// modulo each of them, as few other moduli are. Its keys can be factored.
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

// madeByROCA reports whether an RSA modulus has the mark of CVE-2017-15361. About
// one in 200 million other moduli has it too.
func madeByROCA(n *big.Int) bool {
	var rest big.Int
	for p, powers := range rocaPrimes {
		if !powers[rest.Mod(n, big.NewInt(p)).Int64()] {
			return false
		}
	}
	return true
}
