/** Command lines that make backups and keep them: backup, forget, prune, drill, recovery-kit, drop. */
import type { Command } from 'commander'
import { PERIODS, type Period, parseDuration } from '../backup/policy.ts'
import { GROUP_KEYS, type GroupKey } from '../backup/selection.ts'
import { UsageError } from '../usage-error.ts'
import {
  filterOf,
  repeated,
  shareValue,
  sizeValue,
  tagLists,
  withFilter,
  withRepository,
} from './repository-options.ts'
import { commonOf, type Done, Values, withCommon, withProgress, withWriting } from './values.ts'

const TIMER_WHEN_DEFAULT = 'daily'
const TIMER_NAME_DEFAULT = 'cairn-backup'
const DRILL_FILES_DEFAULT = 25
const DRILL_FILES_MAX = 100_000
const DRILL_SIZE_DEFAULT = '1 GiB'

export function addBackup(command: Command, done: Done): void {
  withProgress(withRepository(withWriting(command)))
    .argument('<path...>', 'files and folders of this machine')
    .option('-e, --exclude <pattern>', 'leave out what matches; again: that too', repeated)
    .option('--exclude-file <file>', 'patterns from a file, one a line; # begins a comment', repeated)
    .option('--exclude-caches', 'leave out what is in folders with a CACHEDIR.TAG')
    .option('-x, --one-file-system', 'do not go into file systems that are mounted below')
    .option('--tag <tags>', 'words to find the snapshot by, several with commas', repeated)
    .option('-H, --host <name>', 'whose backup it is (default: the name of this machine)')
    .option('-n, --dry-run', 'only tell what would be added')
    .option('-f, --force', 'read every file, also those that seem unchanged')
    .option('--create', 'make the repository, of the alias that --repository names')
    .option('--install-timer [when]', `back up so on a schedule of systemd (default: ${TIMER_WHEN_DEFAULT})`)
    .option('--timer-name <name>', `of its units (default: ${TIMER_NAME_DEFAULT})`)
    .option('--print', 'with --install-timer: only show the units')
    .action((paths: string[], options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'backup',
        ...commonOf(values),
        repository: values.text('repository'),
        paths,
        excludes: values.list('exclude'),
        excludeFiles: values.list('excludeFile'),
        excludeCaches: values.flag('excludeCaches'),
        oneFileSystem: values.flag('oneFileSystem'),
        tags: [...new Set(tagLists(values.list('tag')).flat())],
        host: values.text('host'),
        dryRun: values.flag('dryRun'),
        force: values.flag('force'),
        create: values.flag('create'),
        progress: values.flag('progress'),
        timer: timerOf(values),
      })
    })
}

function timerOf(values: Values): { when: string; name: string; printOnly: boolean } | undefined {
  const given = values.text('installTimer')
  if (given === undefined && !values.flag('installTimer')) {
    const stray = values.flag('print') ? '--print' : values.text('timerName') && '--timer-name'
    if (stray !== undefined) throw new UsageError(`${stray} goes with --install-timer`)
    return undefined
  }
  if (given !== undefined && /^[./~]/.test(given)) {
    throw new UsageError(`--install-timer: ${given} is no time; write --install-timer=daily, or put it last`)
  }
  return {
    when: given ?? TIMER_WHEN_DEFAULT,
    name: values.text('timerName') ?? TIMER_NAME_DEFAULT,
    printOnly: values.flag('print'),
  }
}

const KEEP_LETTERS: Readonly<Record<Period, string>> = {
  last: 'l',
  hourly: 'H',
  daily: 'd',
  weekly: 'w',
  monthly: 'm',
  yearly: 'y',
}
const KEEP_COUNT_MAX = 1_000_000

export function addForget(command: Command, done: Done): void {
  withProgress(withRepository(withWriting(command))).argument(
    '[id...]',
    'snapshots to forget; without: by the rules',
  )
  for (const period of PERIODS) {
    const what =
      period === 'last' ? 'the last <count>' : `of the last <count> ${NOUNS[period]} the newest of each`
    command.option(`-${KEEP_LETTERS[period]}, --keep-${period} <count>`, `keep ${what}`)
  }
  withFilter(command, { hostLetter: false })
    .option(
      '--keep-within <duration>',
      'keep what is less than that older than the newest, such as 30d or 1y5m7d2h',
    )
    .option('--keep-tag <tags>', 'keep what has all these tags (a,b); again: or those', repeated)
    .option(
      '-g, --group-by <keys>',
      `apply the rules to each of these: ${GROUP_KEYS.join(', ')}`,
      'host,paths',
    )
    .option('-n, --dry-run', 'only tell what would be forgotten')
    .option('--prune', 'and free what nothing needs any more')
    .option('--unsafe-allow-remove-all', 'also where no snapshot would be left')
    .action((ids: string[], options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'forget',
        ...commonOf(values),
        repository: values.text('repository'),
        ids,
        rules: rulesOf(values),
        filter: filterOf(values),
        groupBy: groupKeys(values.text('groupBy') ?? ''),
        dryRun: values.flag('dryRun'),
        prune: values.flag('prune'),
        allowRemoveAll: values.flag('unsafeAllowRemoveAll'),
        progress: values.flag('progress'),
      })
    })
}

const NOUNS: Readonly<Record<Exclude<Period, 'last'>, string>> = {
  hourly: 'hours',
  daily: 'days',
  weekly: 'weeks',
  monthly: 'months',
  yearly: 'years',
}

function rulesOf(values: Values) {
  const counts: Partial<Record<Period, number>> = {}
  for (const period of PERIODS) {
    const name = `keep${period.charAt(0).toUpperCase()}${period.slice(1)}`
    const text = values.text(name)
    if (text === 'unlimited' || text === '-1') counts[period] = Number.POSITIVE_INFINITY
    else if (text !== undefined) counts[period] = values.count(name, { min: 0, max: KEEP_COUNT_MAX }) ?? 0
  }
  const within = values.text('keepWithin')
  return {
    counts,
    within: within === undefined ? undefined : parseDuration(within),
    tags: tagLists(values.list('keepTag')),
  }
}

function groupKeys(text: string): readonly GroupKey[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const key = GROUP_KEYS.find((known) => known === part || known === `${part}s`)
      if (key === undefined)
        throw new UsageError(`--group-by: ${GROUP_KEYS.join(', ')} wanted, found ${part}`)
      return key
    })
}

export function addPrune(command: Command, done: Done): void {
  withProgress(withRepository(withWriting(command)))
    .option('-n, --dry-run', 'only tell what would be freed')
    .option('--unfinished', 'also what backups have put that were not finished: none may be under way')
    .option(
      '--repack-below <share>',
      'put what is needed of a pack anew, if less than this of it is, such as 50%',
    )
    .action((options: unknown) => {
      const values = new Values(options)
      const below = values.text('repackBelow')
      done({
        verb: 'prune',
        ...commonOf(values),
        repository: values.text('repository'),
        dryRun: values.flag('dryRun'),
        unfinished: values.flag('unfinished'),
        repackBelow: below === undefined ? undefined : shareValue('--repack-below', below),
        progress: values.flag('progress'),
      })
    })
}

export function addDrill(command: Command, done: Done): void {
  withProgress(withFilter(withRepository(withCommon(command)), { hostLetter: true }))
    .argument('[id]', 'the snapshot', 'latest')
    .option('--files <count>', `how many files (default: ${DRILL_FILES_DEFAULT})`)
    .option('--size <size>', `of all of them at most (default: ${DRILL_SIZE_DEFAULT})`)
    .option('--seed <seed>', 'of an earlier drill: the same files again')
    .option('-t, --target <folder>', 'restore to this folder, and leave it there')
    .action((snapshot: string, options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'drill',
        ...commonOf(values),
        repository: values.text('repository'),
        filter: filterOf(values),
        snapshot,
        files: values.count('files', { min: 1, max: DRILL_FILES_MAX }) ?? DRILL_FILES_DEFAULT,
        sizeMaxBytes: sizeValue(values.text('size') ?? DRILL_SIZE_DEFAULT),
        seed: values.text('seed'),
        target: values.text('target'),
        progress: values.flag('progress'),
      })
    })
}

export function addRecoveryKit(command: Command, done: Done): void {
  withRepository(withCommon(command))
    .option('-o, --output <file>', 'into a file for you alone: a page if it ends in .html, else text')
    .option('--write', 'one that makes and deletes backups too, not only reads them')
    .option('--member <address>', 'of the grid, in place of those that are known; again: and that', repeated)
    .option('--invitation <link>', 'to admit the kit to a grid of members; @FILE, or - for standard input')
    .action((options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'recovery-kit',
        ...commonOf(values),
        repository: values.text('repository'),
        right: values.flag('write') ? 'write' : 'read',
        output: values.text('output'),
        members: values.list('member'),
        invitation: values.text('invitation'),
      })
    })
}

export function addDrop(command: Command, done: Done): void {
  const action = (name: string, summary: string): Command =>
    withCommon(command.command(name).description(summary).helpOption('-h, --help', 'print this help'))
  command.helpCommand(false)
  action('create', 'make a repository that a host can add to, and nothing else')
    .argument('<name>', 'of the alias of the repository')
    .option(
      '-o, --output <file>',
      'write the drop-box into a file for you alone, in place of standard output',
    )
    .action((name: string, options: unknown) => {
      const values = new Values(options)
      done({ verb: 'drop', action: 'create', ...commonOf(values), name, output: values.text('output') })
    })
  action('accept', 'back up into a drop-box from now on')
    .argument('<drop-box>', '@FILE that holds it, or - for standard input')
    .option('-f, --force', 'in place of the one that is here')
    .action((source: string, options: unknown) => {
      const values = new Values(options)
      done({ verb: 'drop', action: 'accept', ...commonOf(values), source, force: values.flag('force') })
    })
}
