package service

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/redirect"
)

// A message is what the contact form sends.
type message struct {
	Email   string `json:"email" validate:"required,email"`
	Message string `json:"message" validate:"required,max=500"`
	Next    string `json:"next"`
}

// contact takes a form and sends the browser on. Local answers 303, so that the
// next page is fetched with GET, and goes nowhere but this site, whatever the
// form says.
func contact(w http.ResponseWriter, r *http.Request) error {
	in, err := bind.Body[message](r)
	if err != nil {
		return err
	}
	return redirect.Local(w, r, in.Next, "/?sent=1")
}
