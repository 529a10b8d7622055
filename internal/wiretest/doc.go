// Package wiretest supports the wire tests of this module: servers on both database engines,
// AWS SDK clients, raw signed requests, and the accounts, roles and providers that tests of
// several packages share. It is built on poolhousetest. Start reading at Start.
package wiretest
