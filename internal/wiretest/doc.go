// Package wiretest supports the wire tests of this module: servers on both databases,
// clients of AWS SDKs, raw signed requests, and the accounts, roles and providers that
// tests of several packages need. It is built on poolhousetest.
package wiretest
