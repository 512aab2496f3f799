package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/examples/compose/webhook"
)

func Example() {
	rc := webhook.New(func(ctx context.Context, d webhook.Delivery) error {
		switch d.Event {
		case "issues":
			var e struct {
				Action string
				Issue  struct{ Title string }
			}
			if err := json.Unmarshal(d.Payload, &e); err != nil {
				return err
			}
			fmt.Printf("%s: %s\n", e.Action, e.Issue.Title)
		default: // "ping", and what is not asked for
		}
		return nil
	}, []byte("the secret of the hook")) // os.Getenv
	mux := http.NewServeMux()
	mux.Handle("POST /api/webhook", rc)

	body := `{"action":"opened","issue":{"title":"It works"}}`
	for _, secret := range []string{"a guess", "the secret of the hook"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, deliver("72d3162e", body, sign(secret, body)))
		fmt.Println(w.Code, w.Body)
	}

	ctx, stop := context.WithCancel(context.Background())
	stop() // a service calls Run in a goroutine, and stops when the server has
	rc.Run(ctx)
	// Output:
	// 403 {"title":"Forbidden","status":403,"detail":"Verification failed"}
	// 202 accepted
	// opened: It works
}
