// Command step1 stores notes, with net/http alone. The README of the tour says what each step adds.
package main

import (
	"encoding/json"
	"log"
	"net/http"

	"github.com/apiece/apiece/examples/tour/notes"
)

func routes(store *notes.Store) http.Handler {
	list := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(store.All())
	}
	add := func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Text string `json:"text"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.Text == "" {
			http.Error(w, "a text is required", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(store.Add(in.Text))
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/notes", list)
	mux.HandleFunc("POST /api/notes", add)
	return mux
}

func main() {
	log.Fatal(http.ListenAndServe("localhost:8080", routes(&notes.Store{})))
}
