// Package flush holds what streams have in common, those of package stream and
// the subscriptions of package stream/hub: a response that stays open and is
// flushed after every write.
package flush
