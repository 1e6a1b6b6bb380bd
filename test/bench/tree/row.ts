/** Rows of `npm run bench:tree`, and what they are held against. */
import type { Timing } from '../timing.ts'

/** Of one operation. */
export interface WireCost {
  /** Medians: calls to servers, and how many of them began when another had its answer. */
  readonly calls: number
  readonly callsInARow: number
  /** Means, with what went on after it returned. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

export interface Cost extends Omit<WireCost, 'calls' | 'callsInARow'> {
  readonly calls?: number
  readonly callsInARow?: number
  /** Of all threads; of all servers together. */
  readonly clientCpuMilliseconds: number
  readonly serversCpuMilliseconds: number
}

/** In ms of one operation, or in how many of them are done in a second. */
export type Figure = { readonly milliseconds: number } | { readonly perSecond: number }

export interface Row extends Timing, Partial<Cost> {
  readonly what: string
  /** Added between client and servers; 0: none. */
  readonly roundTripMilliseconds: number
  /** By which bytes on the servers grew, for one operation. */
  readonly storedBytes?: number
  /** Tahoe-LAFS 1.20 on a machine of the same kind, ten servers at 3 of 10, measured 2026-11-22 in another run. */
  readonly peer?: Figure
  /** What was set as the least to reach. */
  readonly target?: Figure
}

interface Bar {
  readonly peer?: Figure
  readonly target?: Figure
}

/** Both were measured and set without added latency. */
export const BARS: ReadonlyMap<string, Bar> = new Map<string, Bar>([
  ['put 1 kB', { peer: { milliseconds: 159 }, target: { milliseconds: 12 } }],
  ['get 1 kB', { peer: { milliseconds: 34 }, target: { milliseconds: 6 } }],
  ['put 1 kB, 8 at a time', { peer: { perSecond: 7.3 }, target: { perSecond: 300 } }],
  ['mkdir', { peer: { milliseconds: 379 }, target: { milliseconds: 20 } }],
  ['add a child to 10', { peer: { milliseconds: 363 } }],
  ['add a child to 1000', { peer: { milliseconds: 947 }, target: { milliseconds: 40 } }],
  ['64 KiB inside 100 MB', { peer: { milliseconds: 134 }, target: { milliseconds: 15 } }],
])

export function isRate(figure: Figure): figure is { readonly perSecond: number } {
  return 'perSecond' in figure
}

/** How many times better the row is than a figure; under 1 it is worse. */
export function timesBetter(row: Timing, figure: Figure): number {
  return isRate(figure) ? row.perSecond / figure.perSecond : figure.milliseconds / row.milliseconds
}
