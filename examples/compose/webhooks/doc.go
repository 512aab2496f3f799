// Package webhooks has no code: its tests compare the functions of examples/webhooks
// with the libraries of the senders.
package webhooks
