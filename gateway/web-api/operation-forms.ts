/** POST ?t=start-…&ophandle=…, and what is asked of a handle (WEB-API.md §10). */
import type { FastifyReply } from 'fastify'
import { type Capability, formatCapability, InvalidInputError } from '#crypto'
import { requireDirectory } from '../capabilities.ts'
import type { Arguments } from './arguments.ts'
import { DeepCounts, deepReports } from './check-forms.ts'
import { resultsOfReport } from './check-json.ts'
import { manifestEntries, TreeCounts } from './manifest.ts'
import { type OperationWork, RETAIN_MAX_SECONDS } from './operations.ts'
import type { WebPath } from './request-path.ts'
import { thingAt } from './tree.ts'
import type { WebCall, WebParts } from './web-call.ts'

/** Characters of JSON of a manifest, or of things that are not healthy: some 20,000. The streams tell of more. */
export const RESULT_LENGTH_MAX = 8 * 1024 * 1024
/** Letters, digits, `-`, `_` and `.`: fit for a path. */
export const HANDLE_LENGTH_MAX = 128

export type OperationForm = 'start-deep-check' | 'start-manifest' | 'start-deep-size' | 'start-deep-stats'

export async function startOperation(
  call: WebCall,
  path: WebPath,
  form: OperationForm,
): Promise<FastifyReply> {
  const { args, parts, reply } = call
  const handle = checkedHandle(args.required('ophandle'))
  const { capability: root } = await thingAt(call, path)
  parts.operations.start(handle, workOf(form, { parts, root, args }), retainSecondsOf(args))
  // As Tahoe's clients want it: they follow to the status.
  return reply.status(302).header('location', `/operations/${handle}?t=status&output=JSON`).send()
}

/** @throws InvalidInputError */
export function checkedHandle(text: string): string {
  if (/^[\w.-]+$/.test(text) && text.length <= HANDLE_LENGTH_MAX && !/^\.+$/.test(text)) return text
  throw new InvalidInputError(
    `a handle of at most ${HANDLE_LENGTH_MAX} letters, digits, -, _ and . is wanted, found another`,
    { where: 'argument ophandle' },
  )
}

export function retainSecondsOf(args: Arguments): number | undefined {
  const seconds = args.whole('retain-for')
  if (seconds === undefined || seconds <= RETAIN_MAX_SECONDS) return seconds
  throw new InvalidInputError(
    `retain-for of at most ${RETAIN_MAX_SECONDS} seconds is wanted, found ${seconds}`,
    {
      where: 'argument retain-for',
    },
  )
}

interface WorkPlace {
  readonly parts: Pick<WebParts, 'files'>
  readonly root: Capability
  readonly args: Arguments
}

function workOf(form: OperationForm, place: WorkPlace): OperationWork {
  if (form === 'start-deep-check') return deepCheckWork(place)
  requireDirectory(place.root)
  return form === 'start-manifest' ? manifestWork(place) : countingWork(place, form)
}

function deepCheckWork({ parts, root, args }: WorkPlace): OperationWork {
  const counts = new DeepCounts()
  const unhealthy = new KeptEntries<object>()
  return {
    json: () => ({ ...counts.json(), 'list-unhealthy-files': unhealthy.entries }),
    run: async (signal) => {
      for await (const report of deepReports(parts, root, { args, signal })) {
        counts.add(report)
        if (!report.isHealthy) unhealthy.add(resultsOfReport(report))
      }
    },
  }
}

function manifestWork({ parts, root }: WorkPlace): OperationWork {
  const counts = new TreeCounts()
  const manifest = new KeptEntries<readonly [readonly string[], string]>()
  return {
    json: () => ({ origin: formatCapability(root), manifest: manifest.entries, stats: counts.json() }),
    run: async (signal) => {
      for await (const entry of manifestEntries(parts, root, { signal })) {
        counts.add(entry)
        manifest.add([entry.path, formatCapability(entry.capability)])
      }
    },
  }
}

function countingWork(
  { parts, root }: WorkPlace,
  form: 'start-deep-size' | 'start-deep-stats',
): OperationWork {
  const counts = new TreeCounts()
  return {
    json: () => (form === 'start-deep-size' ? { size: counts.sizeBytes } : counts.json()),
    run: async (signal) => {
      for await (const entry of manifestEntries(parts, root, { signal })) counts.add(entry)
    },
  }
}

/** Entries as an answer will have them, up to RESULT_LENGTH_MAX. */
class KeptEntries<Entry> {
  readonly entries: Entry[] = []
  #length = 0

  /** @throws InvalidInputError if there are too many */
  add(entry: Entry): void {
    this.#length += JSON.stringify(entry).length
    if (this.#length > RESULT_LENGTH_MAX) {
      throw new InvalidInputError(
        `an operation keeps at most ${RESULT_LENGTH_MAX} characters: ` +
          'stream-manifest and stream-deep-check tell of more',
      )
    }
    this.entries.push(entry)
  }
}
