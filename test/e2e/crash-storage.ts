/**
 * Many crashes of a real process on a real folder: `npm run crash [-- ROUNDS]`. Half of the rounds are killed at a
 * chosen operation of the disk, half from outside at some moment.
 */
import { crashFolder, crashRound } from './crash-rounds.ts'

const ROUNDS_DEFAULT = 200
const roundCount = Number(process.argv[2] ?? ROUNDS_DEFAULT)
let acknowledged = 0
let standing = 0

const place = await crashFolder()
for (let round = 1; round <= roundCount; round += 1) {
  // Steps and moments walk over their ranges without a common period.
  const kill =
    round % 4 < 2 ? { killAtStep: 1 + ((round * 37) % 400) } : { killAfterMilliseconds: (round * 13) % 90 }
  try {
    const report = await crashRound(place.folder, { round, ...kill })
    acknowledged += report.acknowledged
    standing += report.standing
  } catch (error) {
    console.error(`round ${round}, killed ${JSON.stringify(kill)}:`, error)
    process.exitCode = 1
    break
  }
}
await place[Symbol.asyncDispose]()
if (process.exitCode !== 1) {
  console.log(
    `${roundCount} crashes: ${acknowledged} shares acknowledged, ${standing} found whole, none lost or half`,
  )
}
