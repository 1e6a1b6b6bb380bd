/** Command lines about single files, and upkeep: put, get, check, verify, repair. */
import type { Command } from 'commander'
import type { UpkeepArgs } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'
import { readPart, withRepository } from './repository-options.ts'
import {
  commonOf,
  type Done,
  numbersOf,
  Values,
  withCommon,
  withNumbers,
  withProgress,
  withWriting,
} from './values.ts'

const PLACE = 'home:path, a capability, @FILE that holds one, or @- for standard input'

export function addPut(command: Command, done: Done): void {
  withProgress(withNumbers(withWriting(command)))
    .argument('<file>', 'the file, or - for standard input')
    .argument('[path]', 'where the grid is to have it: a name such as home:photo.jpg, or a directory')
    .option('--convergent', 'derive the key from the content: the same file put again takes no more space')
    .option('--mutable', 'make a file that can be replaced: its write capability stays the same')
    .action((source: string, target: string | undefined, options: unknown) => {
      const values = new Values(options)
      const [isConvergent, isMutable] = [values.flag('convergent'), values.flag('mutable')]
      if (isConvergent && isMutable) throw new UsageError('a file is --convergent or --mutable, not both')
      done({
        verb: 'put',
        ...commonOf(values),
        ...numbersOf(values),
        source,
        target,
        convergent: isConvergent,
        mutable: isMutable,
        progress: values.flag('progress'),
      })
    })
}

export function addGet(command: Command, done: Done): void {
  withProgress(withCommon(command))
    .argument('<path>', PLACE)
    .argument('[file]', 'where to write it, or - for standard output', '-')
    .option('--range <start-end>', 'first and last byte, both included, counted from 0; 1024- for the rest')
    .option('-f, --force', 'replace the file if it exists')
    .action((source: string, target: string, options: unknown) => {
      const values = new Values(options)
      const common = commonOf(values)
      if (target === '-' && common.json) {
        throw new UsageError(
          '--json wants a file: the content and the report would both go to standard output',
        )
      }
      done({
        verb: 'get',
        ...common,
        source,
        target,
        range: values.text('range'),
        force: values.flag('force'),
        progress: values.flag('progress'),
      })
    })
}

/** Of one thing by its path; without a path, of the repository of backups. */
export function addCheck(command: Command, done: Done): void {
  withProgress(withRepository(withCommon(command)))
    .argument('[path]', `${PLACE}; a verify capability is enough; without: the repository of backups`)
    .option('--deep', 'a directory or slot, and everything below it')
    .option('--safety', 'how safe it is: a file, or all files below a directory')
    .option('--read-data', 'of the repository: read every byte too')
    .option('--read-data-subset <part>', 'of the repository: read so much of it, such as 5%, 10G or 1/7')
    .action((place: string | undefined, options: unknown) => {
      const values = new Values(options)
      const [deep, progress] = [values.flag('deep'), values.flag('progress')]
      const common = { progress, ...commonOf(values) }
      const [repository, subset] = [values.text('repository'), values.text('readDataSubset')]
      const isWhole = values.flag('readData')
      if (place === undefined) {
        if (deep) throw new UsageError('--deep goes with a path')
        if (values.flag('safety')) throw new UsageError('--safety goes with a path')
        if (isWhole && subset !== undefined)
          throw new UsageError('--read-data reads all: no --read-data-subset')
        const read = isWhole ? ({ percent: 100 } as const) : subset && readPart(subset)
        return done({ verb: 'check-repository', ...common, repository, read: read || undefined })
      }
      if (repository !== undefined || isWhole || subset !== undefined) {
        throw new UsageError('check: a path, or the options of a repository; not both')
      }
      if (!values.flag('safety')) return done({ verb: 'check', place, deep, ...common })
      if (deep) throw new UsageError('--safety looks at all below by itself: no --deep')
      done({ verb: 'safety', place, ...common })
    })
}

export function addUpkeep(
  verb: Exclude<UpkeepArgs['verb'], 'check'>,
): (command: Command, done: Done) => void {
  return (command, done) => {
    withProgress(withCommon(command))
      .argument('<path>', `${PLACE}; a verify capability is enough`)
      .option('--deep', 'a directory or slot, and everything below it')
      .action((place: string, options: unknown) => {
        const values = new Values(options)
        const [deep, progress] = [values.flag('deep'), values.flag('progress')]
        done({ verb, place, deep, progress, ...commonOf(values) })
      })
  }
}
