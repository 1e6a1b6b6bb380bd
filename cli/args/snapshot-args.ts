/** Command lines that look into backups and restore from them: snapshots, find, diff, restore, dump. */
import type { Command } from 'commander'
import { OVERWRITES } from '../backup/invocation.ts'
import { UsageError } from '../usage-error.ts'
import { filterOf, repeated, withFilter, withRepository } from './repository-options.ts'
import { commonOf, type Done, Values, withCommon, withProgress } from './values.ts'

const LATEST_MAX = 1_000_000
const ID = 'the id of a snapshot, its beginning, or latest'
const PATH_OF_ALL = '/'

export function addSnapshots(command: Command, done: Done): void {
  withRead(command)
    .option('--latest <count>', 'of each host and paths only the last so many')
    .action((options: unknown) => {
      const values = new Values(options)
      const latest = values.count('latest', { min: 1, max: LATEST_MAX })
      done({ verb: 'snapshots', ...readOf(values), latest })
    })
}

export function addFind(command: Command, done: Done): void {
  withRead(command)
    .argument('<pattern...>', 'names such as *.jpg, or paths with a slash such as /home/*/photos/**')
    .option('-s, --snapshot <id>', 'look into this one only; again: and that', repeated)
    .option('-i, --ignore-case', 'a and A are the same')
    .option('-l, --long', 'with mode, size and time')
    .action((patterns: string[], options: unknown) => {
      const values = new Values(options)
      const [ignoreCase, long] = [values.flag('ignoreCase'), values.flag('long')]
      done({
        verb: 'find',
        ...readOf(values),
        patterns,
        snapshots: values.list('snapshot'),
        ignoreCase,
        long,
      })
    })
}

export function addDiff(command: Command, done: Done): void {
  withRead(command)
    .argument('<before>', ID)
    .argument('<after>', ID)
    .argument('[path]', 'only what is at this path and below it', PATH_OF_ALL)
    .option('--metadata', 'tell of changed modes, owners and times too')
    .action((before: string, after: string, path: string, options: unknown) => {
      const values = new Values(options)
      done({ verb: 'diff', ...readOf(values), before, after, path, metadata: values.flag('metadata') })
    })
}

export function addRestore(command: Command, done: Done): void {
  withProgress(withRead(command))
    .argument('<id>', `${ID}; ID:PATH restores what is in that folder alone`)
    .requiredOption('-t, --target <folder>', 'where to; / is where it all was')
    .option('-i, --include <pattern>', 'only what matches; again: or that', repeated)
    .option('-e, --exclude <pattern>', 'not what matches; again: nor that', repeated)
    .option('--verify', 'read what was written, and compare')
    .option(
      '--overwrite <which>',
      'files that are there: changed, always or never (default: the target has to be empty)',
    )
    .option('-n, --dry-run', 'only tell what would be restored')
    .action((snapshot: string, options: unknown) => {
      const values = new Values(options)
      const given = values.text('overwrite')
      const overwrite = OVERWRITES.find((known) => known === given)
      if (given !== undefined && overwrite === undefined) {
        throw new UsageError(`--overwrite: ${OVERWRITES.join(', ')} wanted, found ${given}`)
      }
      done({
        verb: 'restore',
        ...readOf(values),
        snapshot,
        target: values.text('target') ?? '',
        includes: values.list('include'),
        excludes: values.list('exclude'),
        verify: values.flag('verify'),
        overwrite,
        dryRun: values.flag('dryRun'),
        progress: values.flag('progress'),
      })
    })
}

export function addDump(command: Command, done: Done): void {
  withRead(command)
    .argument('<id>', ID)
    .argument('<path>', 'a file, or a folder that is to be an archive')
    .action((snapshot: string, path: string, options: unknown) => {
      const values = new Values(options)
      const common = readOf(values)
      if (common.json) throw new UsageError('dump writes content to standard output, and has no --json')
      done({ verb: 'dump', ...common, snapshot, path })
    })
}

function withRead(command: Command): Command {
  return withFilter(withRepository(withCommon(command)), { hostLetter: true })
}

function readOf(values: Values) {
  return { ...commonOf(values), repository: values.text('repository'), filter: filterOf(values) }
}
