package cookies_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/cookies"
)

// secret stands for 32 random bytes, which a service reads from the
// environment.
var secret = []byte(strings.Repeat("k", 32))

// A shop with a theme cookie, which scripts may read and change, and a cart
// cookie, which only the shop can read or set.
type shop struct{ cart *cookies.Sealer }

func (s shop) add(w http.ResponseWriter, r *http.Request) {
	if err := cookies.Check(r); err != nil {
		http.Error(w, err.Error(), http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	cart, _ := s.cart.Lookup(r, "cart")
	cart += r.PathValue("item") + " "
	err := s.cart.Set(w, &http.Cookie{Name: "cart", Value: cart, Path: "/", MaxAge: 3600, HttpOnly: true, Secure: true})
	if err == nil {
		err = cookies.SetRaw(w, &http.Cookie{Name: "items", Value: fmt.Sprint(len(strings.Fields(cart))), Path: "/"})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "theme %q, cart %q", cookies.All(r)["theme"], cart)
}

// A service with a cookie for scripts, and one for itself.
func ExampleNewSealer() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cart/{item}", shop{cookies.NewSealer(secret)}.add)

	sent := []*http.Cookie{{Name: "theme", Value: "dark"}, {Name: "cart", Value: "forged"}}
	for _, item := range []string{"tea", "milk"} {
		r := httptest.NewRequest("POST", "/cart/"+item, nil)
		for _, c := range sent {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Body)
		sent = append(sent[:1], w.Result().Cookies()...)
	}
	fmt.Println(sent[2].Name, sent[2].Value)
	// Output:
	// theme "dark", cart "tea "
	// theme "dark", cart "tea milk "
	// items 2
}
