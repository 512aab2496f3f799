package middleware_test

// An example without output only compiles.
func Example() {}
