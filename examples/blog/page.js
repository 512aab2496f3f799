// @ts-check
// The page as a script without a build step. Its types are those of the service:
// api.ts is written by a test, and tsc checks this file against it.

/** @import { Routes } from "./api" */

/** @returns {any} the element with the id, which is on the page */
const $ = (/** @type {string} */ id) => document.getElementById(id);
const shorten = (/** @type {string} */ text) => text.length > 2000 ? text.slice(0, 2000) + "\n… " + text.length + " characters" : text;

function pretty(/** @type {string} */ text, /** @type {string | null} */ type) {
  if (/json/.test(type || "")) try { return JSON.stringify(JSON.parse(text), null, 2) } catch { }
  return text;
}

/**
 * @typedef {{ body?: string, type?: string, headers?: Record<string, string>, note?: string }} Sent
 * @param {string} method
 * @param {string} path
 * @param {Sent} [sent]
 */
async function send(method, path, { body, type, headers = {}, note } = {}) {
  if (type) headers["Content-Type"] = type;
  const lines = [method + " " + path, ...Object.entries(headers).map(([k, v]) => k + ": " + v)];
  show("request", lines.join("\n") + (body ? "\n\n" + shorten(body) : "") + (note ? "\n\n" + note : ""));
  show("response", "…");
  const start = performance.now();
  try {
    const res = await fetch(path, { method, body, headers, cache: "no-store" });
    if (res.redirected) {
      // Scripts see only where a redirect has led.
      const at = new URL(res.url);
      answer("3xx", "redirected", start, "", "GET " + at.pathname + at.search + "\nhost " + at.host + "\nstatus " + res.status);
      return;
    }
    const text = await res.text();
    const head = [...res.headers].filter(([k]) => k !== "date").map(([k, v]) => k + ": " + v).join("\n");
    answer(res.status, res.statusText, start, head, shorten(pretty(text, res.headers.get("Content-Type"))));
    return res;
  } catch (err) {
    answer(0, "no whole response", start, "", String(err));
  }
}

function show(/** @type {string} */ id, /** @type {string} */ text) { $(id).className = ""; $(id).textContent = text }

/**
 * @param {number | string} status
 * @param {string} text
 * @param {number} start
 * @param {string} head
 * @param {string} body
 */
function answer(status, text, start, head, body) {
  const ms = Math.round(performance.now() - start);
  show("response", "");
  const line = document.createElement("span");
  line.className = "status s" + String(status)[0];
  line.textContent = status + " " + text;
  $("response").append(line, "  " + ms + " ms\n" + head + (body ? "\n\n" + body : ""));
}

document.addEventListener("click", async event => {
  const d = /** @type {HTMLElement} */ (event.target).dataset;
  let res;
  if (d.get) res = await send("GET", d.get);
  else if (d.json !== undefined) res = await send("POST", d.to ?? "", { body: d.json, type: "application/json" });
  else if (d.form !== undefined) res = await send("POST", d.to ?? "", { body: d.form, type: "application/x-www-form-urlencoded" });
  else if (d.method) res = await send(d.method, d.to ?? "");
  if (d.themeButton && res && res.ok) document.documentElement.dataset.theme = d.themeButton;
});

/** What a post has is checked against the type that the service wants. */
function newPost(/** @type {Routes["POST /api/posts"]["body"]} */ post) {
  return { body: JSON.stringify(post), type: "application/json" };
}

$("post").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
  send("POST", "/api/posts", newPost({ title: String(form.get("title")), text: String(form.get("text")), tags: ["page"] }));
});

$("toolarge").onclick = () => send("POST", "/api/posts", newPost({ title: "x", text: "x".repeat(1 << 20) }));

$("again").onclick = async () => {
  const first = await fetch("/api/post/1", { cache: "no-store" });
  send("GET", "/api/post/1", { headers: { "If-None-Match": first.headers.get("ETag") ?? "" } });
};

async function deliver(/** @type {string} */ secret) {
  const body = JSON.stringify({ action: "opened" }), bytes = new TextEncoder();
  if (!crypto.subtle) return show("request", "The browser signs only on localhost or https.");
  const key = await crypto.subtle.importKey("raw", bytes.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(body)));
  const hex = [...mac].map(b => b.toString(16).padStart(2, "0")).join("");
  send("POST", "/api/webhook", { body, type: "application/json", headers: { "X-Hub-Signature-256": "sha256=" + hex } });
}
$("signed").onclick = () => deliver("it is a demo");
$("forged").onclick = () => deliver("it is a guess");

const feed = new EventSource("/api/feed");
const live = (/** @type {boolean} */ on, /** @type {string} */ text) => { $("live").className = on ? "on" : ""; $("live").lastElementChild.textContent = text };
feed.onopen = () => live(true, "feed: live");
feed.onerror = () => live(false, "feed: reconnecting");
const say = (/** @type {string} */ id, /** @type {string} */ text) => {
  const list = $("events"), item = document.createElement("li"), code = document.createElement("code");
  if (list.querySelector(".empty")) list.textContent = "";
  code.textContent = id;
  item.append(code, text);
  list.prepend(item);
};
feed.addEventListener("post", event => {
  /** @type {Extract<Routes["GET /api/feed"]["events"], { event: "post" }>["data"]} */
  const post = JSON.parse(event.data);
  say(event.lastEventId, "#" + post.id + " " + post.title + " — " + post.text);
});
feed.addEventListener("gap", event => say(event.lastEventId, "some events were missed"));

fetch("/api/theme").then(res => res.json()).then((/** @type {NonNullable<Routes["GET /api/theme"]["response"]>} */ all) => { if (all.theme) document.documentElement.dataset.theme = all.theme });
if (new URLSearchParams(location.search).has("sent")) say("303", "the form was sent, and this page is the GET after it");
