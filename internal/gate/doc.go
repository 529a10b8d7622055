// Package gate decides who may call: signatures, keys and their conditions.
package gate
