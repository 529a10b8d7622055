// Package adminapi is the API for administrators: refusals, sessions, sign-outs.
package adminapi
