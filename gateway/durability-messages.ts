/** The JSON about how safe files are, a part of the status (API.md §9). */
import { z } from 'zod'
import type { Advice, LostPlace, RootDurability, ServerRecord, ToldDurability } from '#node'
import { count, maybe } from './message-parts.ts'

const probability = z.number().min(0).max(1)
const chance = z.object({ expected: probability, atMost: probability })
const serverIds = z.array(z.string())

const place: z.ZodType<LostPlace> = z.object({
  kind: z.enum(['server', 'site', 'owner']),
  owner: z.string(),
  site: z.string(),
  serverIds,
})

const advice: z.ZodType<Advice> = z.object({
  change: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('repair'), shareCount: count }),
    z.object({ kind: z.literal('repair-daily') }),
    z.object({ kind: z.literal('add-server') }),
    z.object({ kind: z.literal('lend-more'), serverIds }),
    z.object({
      kind: z.literal('other-numbers'),
      neededShares: count,
      totalShares: count,
      spaceFactor: z.number().min(0),
      spaceFactorNow: z.number().min(0),
    }),
  ]),
  lossInYear: probability,
})

const durability: z.ZodType<RootDurability> = z.object({
  fileCount: count,
  unreadableCount: count,
  worst: maybe(
    z.object({
      foundShares: count,
      neededShares: count,
      totalShares: count,
      serverCount: count,
      siteCount: count,
      fileCount: count,
    }),
  ),
  lossInYear: chance,
  lossUnrepaired: chance,
  unreadable: chance,
  isRepaired: z.boolean(),
  evidence: z.object({
    serverCount: count,
    serverYears: z.number().min(0),
    days: z.number().min(0),
    lostCount: count,
  }),
  isMeasured: z.boolean(),
  weakest: maybe(z.object({ places: z.array(place), lostFileCount: count })),
  advice: z.array(advice),
})

const record: z.ZodType<ServerRecord> = z.object({
  serverId: z.string(),
  firstKnownSeconds: count,
  askedCount: count,
  answeredCount: count,
  lastAnswerSeconds: maybe(count),
  auditsPassed: count,
  auditsFailed: count,
  wrongBytes: count,
})

export const durabilityMessage: z.ZodType<ToldDurability> = z.object({
  put: maybe(durability),
  records: z.array(record),
})
