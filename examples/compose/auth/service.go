package auth

import (
	"context"
	"html/template"
	"net/http"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// ErrCredentials is the error of a [Check] for a wrong name or a wrong password.
var ErrCredentials = reply.NewError(http.StatusForbidden, "Name or password is wrong")

// A Check finds the user. An error other than [ErrCredentials] means that it cannot
// decide, for instance because the database is down.
type Check func(ctx context.Context, name, password string) (User, error)

// Routes has the routes of a service, for package pattern, inside and outside the
// guard. The test in this package walks the table, and fails for a new route that is
// outside.
func Routes(tokens *Tokens, check Check) map[string]http.Handler {
	guarded := alice.New(Require(tokens.Verify))
	return map[string]http.Handler{
		"/login":          middleware.Methods{"GET": reply.HandlerFunc(loginPage), "POST": login(tokens, check)},
		"/account":        guarded.Then(middleware.Methods{"GET": reply.HandlerFunc(me)}),
		"/api/me":         guarded.Then(middleware.Methods{"GET": reply.HandlerFunc(me)}),
		"/api/notes/[id]": guarded.Then(middleware.Methods{"GET": reply.HandlerFunc(me), "DELETE": reply.HandlerFunc(me)}),
	}
}

// me is inside the guard, so there is a user.
func me(w http.ResponseWriter, r *http.Request) error {
	user, _ := From(r)
	w.Header().Set("Cache-Control", "private") // or a cache would serve it to another user
	return reply.JSON(w, r, http.StatusOK, map[string]string{"user": user.ID})
}

var page = template.Must(template.New("login").Parse(`<!doctype html><title>Login</title>
<form method="post" action="/login">
<input type="hidden" name="next" value="{{.}}"><input name="name"><input name="password" type="password">
<button>Sign in</button></form>
`))

func loginPage(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Execute(w, r.URL.Query().Get("next"))
}

// cookieName begins with __Host-: browsers accept it only from this host, over TLS
// and with the path /.
const cookieName = "__Host-token"

// login signs a user in and redirects to next, if that is on this site: an attacker
// may have written the link.
func login(tokens *Tokens, check Check) http.Handler {
	return bind.Handler(func(w http.ResponseWriter, r *http.Request, in struct {
		Name     string `json:"name" validate:"required"`
		Password string `json:"password" validate:"required"`
		Next     string `json:"next"`
	}) error {
		user, err := check(r.Context(), in.Name, in.Password)
		if err != nil {
			return err
		}
		token, err := tokens.Issue(user)
		if err != nil {
			return err
		}
		err = cookies.Set(w, &http.Cookie{
			Name: cookieName, Value: token, Path: "/", MaxAge: int(tokens.lifetime.Seconds()),
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		if err != nil {
			return err
		}
		return redirect.Local(w, r, in.Next, "/account")
	})
}
