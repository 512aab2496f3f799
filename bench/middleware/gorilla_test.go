package middleware_test

import "github.com/gorilla/handlers"

var gorillaRecovery = rival{"gorilla", handlers.RecoveryHandler()}
