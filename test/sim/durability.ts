/**
 * `npm run sim:durability`: the model of durability against the simulation, as a table.
 *
 *     npm run sim:durability -- --years 200000 --seed 7
 *     npm run sim:durability -- --save        # into test/bench/results/durability.txt
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { compare, DURABILITY_CASES, isBusy } from './durability-cases.ts'

const { values } = parseArgs({
  options: {
    years: { type: 'string', default: '60000' },
    seed: { type: 'string', default: '1' },
    save: { type: 'boolean', default: false },
  },
})
const years = Number(values.years)
const lines: string[] = []
const print = (line: string): void => {
  lines.push(line)
  console.log(line)
}
const percent = (chance: number): string => `${(100 * chance).toFixed(3)} %`

print(`loss in a year; seed ${values.seed}`)
print('| grid | years | lost | simulated | model | model / simulated | may be up to |')
print('|---|---|---|---|---|---|---|')
let failed = 0
for (const one of DURABILITY_CASES) {
  const found = compare(one, isBusy(one) ? Math.ceil(years / 10) : years, Number(values.seed))
  const { name, losses, simulated, tolerance, model, looseness, agrees } = found
  if (!agrees) failed += 1
  print(
    `| ${name} | ${found.years.toLocaleString('en')} | ${losses} ` +
      `| ${percent(simulated)} ± ${percent(tolerance)} | ${percent(model)} ` +
      `| ${(model / simulated).toFixed(2)} | ${looseness}${agrees ? '' : ' DISAGREES'} |`,
  )
}
if (values.save) {
  const text = ['npm run sim:durability -- --save', ...lines, ''].join('\n')
  writeFileSync(new URL('../bench/results/durability.txt', import.meta.url), text)
}
process.exitCode = failed === 0 ? 0 : 1
