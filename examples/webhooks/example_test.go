package webhooks_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/webhooks"
	"github.com/apiece/apiece/reply"
)

// Stripe events, decoded after their signature was verified.
func ExampleStripe() {
	verify := webhooks.Stripe(webhooks.Config{
		Secrets: []string{"whsec_of_the_endpoint"},                       // os.Getenv("STRIPE_WEBHOOK_SECRET")
		Now:     func() time.Time { return time.Unix(1_492_774_600, 0) }, // for this example alone
	})
	type event struct {
		ID   string `json:"id" validate:"required"`
		Type string `json:"type" validate:"required"`
	}
	paid := bind.Handler(func(w http.ResponseWriter, r *http.Request, e event) error {
		return reply.Send(w, r, http.StatusOK, e.Type+" of "+e.ID) // once for each ID
	})
	mux := http.NewServeMux()
	mux.Handle("POST /api/stripe", bodyparser.New(bodyparser.Config{Verify: verify})(paid))

	body := `{"id":"evt_1","type":"invoice.paid"}`
	for _, sent := range []string{body, strings.Replace(body, "paid", "void", 1)} {
		r := httptest.NewRequest("POST", "/api/stripe", strings.NewReader(sent))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Stripe-Signature", "t=1492774577,v1="+hexOf("whsec_of_the_endpoint", "1492774577."+body))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 invoice.paid of evt_1
	// 403 {"title":"Forbidden","status":403,"detail":"Verification failed"}
}

// Shopify's app review requires 401.
func ExampleShopify() {
	h := bodyparser.New(bodyparser.Config{Verify: webhooks.Shopify("the client secret")})(http.NotFoundHandler())
	r := httptest.NewRequest("POST", "/api/webhooks/shop/redact", strings.NewReader(`{"shop_id":1}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Hmac-Sha256", "bm90IHNpZ25lZA==")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 401 {"title":"Unauthorized","status":401,"detail":"Verification failed"}
}
