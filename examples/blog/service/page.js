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
    // A request that says no-store is never answered with 304.
    const res = await fetch(path, { method, body, headers, cache: "If-None-Match" in headers ? "default" : "no-store" });
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
  else if (d.json !== undefined) res = await send(d.method ?? "POST", d.to ?? "", { body: d.json, type: "application/json" });
  else if (d.form !== undefined) res = await send("POST", d.to ?? "", { body: d.form, type: "application/x-www-form-urlencoded" });
  else if (d.method) res = await send(d.method, d.to ?? "");
  if (d.themeButton !== undefined && res && res.ok) document.documentElement.dataset.theme = d.themeButton;
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

/** A file is sent by XMLHttpRequest, which tells how far it is. */
function upload(/** @type {Blob | undefined} */ file, name = "file.bin") {
  const form = new FormData(), xhr = new XMLHttpRequest(), start = performance.now();
  if (file) form.append("file", file, name);
  form.append("caption", "from the page");
  show("request", "POST /api/upload\nContent-Type: multipart/form-data\n\n" + (file ? name + ", " + file.size + " bytes" : "no file"));
  show("response", "…");
  $("progress").value = 0;
  xhr.upload.onprogress = event => { if (event.lengthComputable) $("progress").value = event.loaded / event.total };
  xhr.onload = () => answer(xhr.status, xhr.statusText, start, xhr.getAllResponseHeaders().trim().replace(/\r/g, ""), pretty(xhr.responseText, xhr.getResponseHeader("Content-Type")));
  xhr.onerror = () => answer(0, "no whole response", start, "", "The connection was closed before the whole file was sent.");
  xhr.open("POST", "/api/upload");
  xhr.send(form);
}
$("upload").onclick = () => { const file = $("file").files[0]; upload(file, file?.name) };
$("upload4").onclick = () => upload(new Blob([new Uint8Array(4 << 20)]));
$("upload9").onclick = () => upload(new Blob([new Uint8Array(9 << 20)]));
$("upload0").onclick = () => upload(undefined);

const live = (/** @type {boolean} */ on, /** @type {string} */ text) => { $("live").className = on ? "on" : ""; $("live").lastElementChild.textContent = "feed: " + text };
const say = (/** @type {string} */ id, /** @type {string} */ text) => {
  const list = $("events"), item = document.createElement("li"), code = document.createElement("code");
  if (list.querySelector(".empty")) list.textContent = "";
  code.textContent = id;
  item.append(code, text);
  list.prepend(item);
};

/** @type {EventSource | undefined} */
let feed;
let last = ""; // the id of the last event, for a connection that the page makes itself

function connect() {
  const query = new URLSearchParams();
  for (const box of document.querySelectorAll("input.topic:checked")) query.append("topic", /** @type {HTMLInputElement} */ (box).value);
  disconnect();
  if (!query.has("topic")) return;
  if (last) query.set("lastEventId", last);
  const source = feed = new EventSource("/api/feed?" + query);
  source.onopen = () => live(true, "live");
  source.onerror = () => live(false, source.readyState === EventSource.CLOSED ? "refused" : "reconnecting");
  source.addEventListener("post", event => {
    /** @type {Extract<Routes["GET /api/feed"]["events"], { event: "post" }>["data"]} */
    const post = JSON.parse(event.data);
    heard(event, "#" + post.id + " " + post.title + " — " + post.text);
  });
  source.addEventListener("upload", event => {
    /** @type {Extract<Routes["GET /api/feed"]["events"], { event: "upload" }>["data"]} */
    const file = JSON.parse(event.data);
    heard(event, file.name + ", " + file.size + " bytes");
  });
  source.addEventListener("gap", event => heard(event, "some events were missed"));
}

function heard(/** @type {MessageEvent} */ event, /** @type {string} */ text) {
  last = event.lastEventId;
  say(event.lastEventId.split("-").pop() ?? "", text);
}

function disconnect() {
  feed?.close();
  feed = undefined;
  live(false, "disconnected");
}

$("connect").onclick = connect;
$("disconnect").onclick = disconnect;
for (const box of document.querySelectorAll("input.topic")) box.addEventListener("change", () => { last = ""; connect() });
connect();

// The Go code of each card, fetched when it is opened.
for (const details of document.querySelectorAll("details")) {
  const summary = document.createElement("summary");
  summary.textContent = "Go";
  details.append(summary);
  details.addEventListener("toggle", async () => {
    if (details.childElementCount > 1) return;
    const res = await fetch("/source/" + details.dataset.source);
    for (const d of /** @type {{ file: string, line: number, url: string, text: string }[]} */ (await res.json())) {
      const link = document.createElement("a"), code = document.createElement("pre");
      link.href = d.url;
      link.textContent = d.file + ":" + d.line;
      code.textContent = d.text;
      details.append(link, code);
    }
  });
}

fetch("/api/theme").then(res => res.json()).then((/** @type {NonNullable<Routes["GET /api/theme"]["response"]>} */ all) => { if (all.theme) document.documentElement.dataset.theme = all.theme });
if (new URLSearchParams(location.search).has("sent")) say("303", "the form was sent, and this page is the GET after it");
