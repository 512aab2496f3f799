// Package webhooks has no code: its tests run the functions of
// examples/webhooks beside the libraries of the senders, so that what is
// written there by the published algorithms is what the senders mean.
package webhooks
