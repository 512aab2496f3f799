package middleware

import (
	"io"
	"log"

	"github.com/gorilla/handlers"
)

var gorillaRecovery = rival{
	name: "gorilla", module: "github.com/gorilla/handlers",
	wrap: handlers.RecoveryHandler(handlers.RecoveryLogger(log.New(io.Discard, "", 0))),
}
