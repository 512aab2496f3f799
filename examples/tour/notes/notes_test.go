package notes_test

import (
	"fmt"

	"github.com/apiece/apiece/examples/tour/notes"
)

func Example() {
	var store notes.Store
	fmt.Println(len(store.All()), store.All() == nil)
	store.Add("milk")
	bread := store.Add("bread")
	found, ok := store.Find(bread.ID)
	fmt.Println(store.All(), found, ok)
	_, ok = store.Find("3")
	fmt.Println(ok, store.Reads())
	// Output:
	// 0 false
	// [{1 milk} {2 bread}] {2 bread} true
	// false 5
}
