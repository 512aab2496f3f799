package service

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/redirect"
)

// A message is the body of the contact form.
type message struct {
	Email   string `json:"email" validate:"required,email"`
	Message string `json:"message" validate:"required,max=500"`
	Next    string `json:"next"`
}

// contact handles a form and redirects. Local sends 303, so that the browser fetches
// the next page with GET, and never redirects to another site, whatever the form
// says.
func contact(w http.ResponseWriter, r *http.Request) error {
	in, err := bind.Body[message](r)
	if err != nil {
		return err
	}
	return redirect.Local(w, r, in.Next, "/?sent=1")
}
