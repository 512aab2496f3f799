package service

import (
	_ "embed"
	"net/http"

	"github.com/apiece/apiece/reply"
)

//go:embed page.html
var page string

//go:embed page.js
var pageScript string

func home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	reply.Send(w, r, http.StatusOK, page)
}

func script(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	reply.Send(w, r, http.StatusOK, pageScript)
}
