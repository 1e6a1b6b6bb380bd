/** Accounts as they travel between the daemon and its clients (API.md §9). */
import { z } from 'zod'
import type { AccountingReport } from '#node'
import { count, maybe } from './message-parts.ts'

export const accountingMessage: z.ZodType<AccountingReport> = z.object({
  accountCount: count,
  accounts: z.array(
    z.object({
      account: z.string(),
      name: maybe(z.string()),
      isSelf: z.boolean(),
      usedBytes: count,
      quotaBytes: maybe(count),
      byteDays: maybe(count),
      firstSeenSeconds: maybe(count),
      lastSeenSeconds: maybe(count),
    }),
  ),
})
