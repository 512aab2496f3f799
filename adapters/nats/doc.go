// Package nats lets hubs in several processes work as one, by way of NATS JetStream.
package nats
