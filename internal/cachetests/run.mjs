// Runs the suite in the directory of the first argument against the cache at
// the second, and prints what each test says. The third names one test to run,
// with its messages, instead of all.
import { pathToFileURL } from 'node:url'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [dir, base, only] = process.argv.slice(2)
const load = (...path) => import(pathToFileURL(join(dir, ...path)))

const { default: suites } = await load('tests', 'index.mjs')
const { runTests, getResults } = await load('test-engine', 'client', 'runner.mjs')
const { determineTestResult, resultTypes } = await load('test-engine', 'lib', 'results.mjs')

const names = new Map(Object.entries(resultTypes).map(([name, type]) => [type, name]))
const tests = suites.flatMap(suite => suite.tests).filter(test => !test.browser_only)

// judge returns what the suite says of each test, and how often. A test counts
// by itself, also where one that it builds on has failed: what a cache does must
// not be hidden by something else that it does not do.
function judge (results) {
  const judged = {}
  const counts = {}
  for (const test of tests) {
    const kind = test.kind ?? 'required'
    const result = names.get(determineTestResult(suites, test.id, results, false))
    counts[kind] ??= {}
    counts[kind][result] = (counts[kind][result] ?? 0) + 1
    judged[test.id] = { kind, result }
    if (results[test.id] !== true && results[test.id] !== undefined) judged[test.id].message = results[test.id][1]
  }
  return { counts, judged }
}

if (only) {
  const one = tests.filter(test => test.id === only)
  if (one.length === 0) throw new Error(`no test ${only}`)
  one[0].dump = true
  await runTests([{ tests: one }], false, base)
  console.log(getResults()[only])
} else {
  await runTests(suites, false, base)
  const { counts, judged } = judge(getResults())
  const rivals = {}
  for (const file of readdirSync(join(dir, 'results')).filter(file => file.endsWith('.json')).sort()) {
    rivals[file.slice(0, -5)] = judge(JSON.parse(readFileSync(join(dir, 'results', file)))).counts
  }
  console.log(JSON.stringify({ counts, tests: judged, published: rivals }))
}
