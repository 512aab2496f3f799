// Builds the projects in projects/*.txtar with Next.js and writes down what it
// makes of them, to recorded/*.json. See README.md.
import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"

const here = import.meta.dirname
const work = process.cwd() // a directory with next, react and react-dom installed
const only = process.argv.slice(2)
const next = path.join(work, "node_modules/next/dist/bin/next")
const version = JSON.parse(fs.readFileSync(path.join(work, "node_modules/next/package.json"))).version
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NO_COLOR: "1", CI: "1" }
const keep = new Set(["node_modules", "package.json", "package-lock.json"])

function unpack(archive) {
  for (const f of fs.readdirSync(work)) if (!keep.has(f)) fs.rmSync(path.join(work, f), { recursive: true })
  const parts = archive.split(/^-- (.+) --\n/m)
  for (let i = 1; i < parts.length; i += 2) {
    const file = path.join(work, parts[i])
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, parts[i + 1])
  }
  const ext = /pageExtensions: (\[.*\])/.exec(parts[0])
  fs.writeFileSync(path.join(work, "next.config.mjs"), `export default {
  ${ext ? ext[0] + "," : ""}
  typescript: { ignoreBuildErrors: true },
  experimental: { cpus: 1 },
}\n`)
}

const readJSON = (name) => {
  const file = path.join(work, ".next", name)
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : {}
}

// The lines of the output that say what is wrong, without what is different
// from run to run.
function complaints(output) {
  return output.replaceAll(work, ".").split("\n").map((l) => l.trimEnd())
    .filter((l) => l && !/No build cache|^Route \(/.test(l) && !/^\s+at |^\s*[○ƒ●┌├└─]|Creating an optimized|Next\.js \d|Collecting|Generating|Finaliz|Compiled|Skipping|Running|typescript|TypeScript|tsconfig|Finished|^\s*-|telemetry|Local:|Experiments/i.test(l))
    .slice(0, 30)
}

const sample = (route) => route.split("/").map((s) =>
  /^\[\[?\.\.\..*\]$/.test(s) ? "v/w" : /^\[.*\]$/.test(s) ? "v" : encodeURIComponent(s).replaceAll("%40", "@")).join("/")

// The server closes a connection now and then; the second attempt has a new one.
async function ask(url, method, attempts = 3) {
  try {
    const response = await fetch(url, { method, redirect: "manual" })
    return { status: response.status, body: await response.text(), allow: response.headers.get("allow") }
  } catch (err) {
    if (attempts === 1) return { status: 0, body: String(err.cause ?? err) }
    return ask(url, method, attempts - 1)
  }
}

async function answers(record, routes) {
  const port = 34917
  const server = spawn(process.execPath, [next, "start", "-p", port, "-H", "127.0.0.1"], { env, cwd: work })
  let output = ""
  const exited = new Promise((resolve) => server.on("exit", resolve))
  const ready = new Promise((resolve) => {
    server.stderr.on("data", (d) => { output += d })
    server.stdout.on("data", (d) => { output += d; if (/Ready/.test(output)) resolve(true) })
  })
  if (!(await Promise.race([ready, exited.then(() => false)]))) {
    record.ok = false
    record.output.push("next start:", ...complaints(output))
    return
  }
  const out = {}
  for (const route of routes) {
    const url = `http://127.0.0.1:${port}${sample(route)}`
    const get = await ask(url, "GET")
    const options = await ask(url, "OPTIONS")
    out[route] = { status: get.status, body: get.body.length < 200 ? get.body : undefined, allow: options.allow ?? undefined }
  }
  if (server.exitCode !== null) record.ok = false // it says that it is ready before it looks at the routes
  server.kill()
  await exited
  record.output.push(...complaints(output).filter((l) => !/Ready/.test(l)))
  return out
}

for (const file of fs.readdirSync(path.join(here, "projects")).sort()) {
  const name = path.basename(file, ".txtar")
  if (only.length && !only.includes(name)) continue
  unpack(fs.readFileSync(path.join(here, "projects", file), "utf8"))
  const build = spawnSync(process.execPath, [next, "build"], { env, cwd: work, encoding: "utf8" })
  const record = { next: version, ok: build.status === 0, output: complaints(build.stdout + build.stderr) }
  if (record.ok) {
    record.pages = Object.keys(readJSON("server/pages-manifest.json")).sort()
    record.app = readJSON("app-path-routes-manifest.json")
    const routes = [
      ...record.pages.filter((r) => r === "/api" || r.startsWith("/api/")),
      ...Object.entries(record.app).filter(([entry]) => entry.endsWith("/route")).map(([, route]) => route),
    ]
    record.answers = await answers(record, [...new Set(routes)].sort())
    if (!record.ok) delete record.answers
  }
  fs.mkdirSync(path.join(here, "recorded"), { recursive: true })
  fs.writeFileSync(path.join(here, "recorded", name + ".json"), JSON.stringify(record, null, 1) + "\n")
  console.log(name, record.ok)
}
