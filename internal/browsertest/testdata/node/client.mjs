// Listens with one of the clients of npm, and writes each message that it hands
// on as a line of JSON: node client.mjs NAME URL
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)
const [name, url] = process.argv.slice(2)

// Programs parse what they receive, and fail on what is none of theirs.
function keep(type, data, id) {
	process.stdout.write(JSON.stringify({ Type: type || "message", Data: data, ID: id }) + "\n")
	JSON.parse(data)
}

function listen(EventSource) {
	const source = new EventSource(url)
	for (const type of ["message", "tick", "gap"]) {
		source.addEventListener(type, e => keep(e.type, e.data, e.lastEventId))
	}
}

const clients = {
	"eventsource": () => listen(require("eventsource").EventSource),
	"undici EventSource": () => listen(require("undici").EventSource),
	"event-source-polyfill": () => {
		// It waits for a second at least, which a test has no time for.
		const wait = globalThis.setTimeout
		globalThis.setTimeout = (f, ms, ...args) => wait(f, ms < 1000 ? ms : ms / 50, ...args)
		listen(require("event-source-polyfill").EventSourcePolyfill)
	},
	"eventsource-client": () => {
		require("eventsource-client").createEventSource({ url, onMessage: e => keep(e.event, e.data, e.id) })
	},
	"@microsoft/fetch-event-source": () => {
		globalThis.window = globalThis // it is made for browsers
		globalThis.document = { removeEventListener() {} }
		require("@microsoft/fetch-event-source").fetchEventSource(url, {
			openWhenHidden: true,
			onmessage: e => keep(e.event, e.data, e.id),
			onclose() { throw new Error("come back") }, // or it stays away from a stream that ended in good order
			onerror() {}, // come back after the time that the server asked for
		})
	},
}
// It ends with the test. Until then this keeps it alive, which undici does not
// while it waits for its next connection.
process.stdin.on("end", () => process.exit()).resume()
clients[name]()
