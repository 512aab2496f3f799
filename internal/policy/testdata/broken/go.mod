module github.com/apiece/apiece

go 1.26.0

require (
	github.com/justinas/alice v1.2.0
	// validator checks structs.
	github.com/go-playground/validator/v10 v10.30.5
	// schema decodes forms, and text comes with it.
	github.com/gorilla/schema v1.4.1
	golang.org/x/text v0.32.0
	// testify makes tests shorter.
	github.com/stretchr/testify v1.10.0
)

require golang.org/x/sys v0.39.0 // indirect

replace github.com/gorilla/schema => ../schema
