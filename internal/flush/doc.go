// Package flush is the common part of package stream and of the subscriptions of
// package stream/hub: a response that stays open and is flushed after every write.
package flush
