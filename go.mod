module github.com/apiece/apiece

go 1.26.0

require (
	// xxhash makes the ETag of responses; only reply links it.
	github.com/cespare/xxhash/v2 v2.3.0
	// schema and validator do the decoding and the rules of bodyparser/bind, the only package that links them.
	github.com/go-playground/validator/v10 v10.30.1
	github.com/gorilla/schema v1.4.1
	// alice is what middleware.Chain returns: the composition type our users already have.
	github.com/justinas/alice v1.2.0
	// otter evicts what is asked for least from a memory of bounded bytes: the store of middleware/cache.
	github.com/maypok86/otter/v2 v2.4.0
	// x/text knows the WHATWG charsets that request bodies may declare; only bodyparser links it.
	golang.org/x/text v0.32.0
)

require (
	github.com/gabriel-vasile/mimetype v1.4.12 // indirect
	github.com/go-playground/locales v0.14.1 // indirect
	github.com/go-playground/universal-translator v0.18.1 // indirect
	github.com/leodido/go-urn v1.4.0 // indirect
	golang.org/x/crypto v0.46.0 // indirect
	golang.org/x/sys v0.39.0 // indirect
)
