module github.com/apiece/apiece

go 1.26.0

require (
	// alice is what middleware.Chain returns: the composition type our users already have.
	github.com/justinas/alice v1.2.0
	// schema and validator do the decoding and the rules of bodyparser/bind, the only package that links them.
	github.com/go-playground/validator/v10 v10.30.1
	github.com/gorilla/schema v1.4.1
	// x/text knows the WHATWG charsets that request bodies may declare; only bodyparser links it.
	golang.org/x/text v0.32.0
)
