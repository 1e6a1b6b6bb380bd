/** Who uses how much, as people read it in `cairn status`. Pure. */
import { type AccountingReport, type AccountReport, type ServerStatus, utcText } from '#node'
import { formatBytes, labelled } from './describe.ts'
import { printable } from './names.ts'

/** Status stays one screen; `--json` has more. */
const SHOWN_MAX = 5
const PEER_ID_SHOWN = 16

/** `accounts  ann  12 GB of 200 GB, 340 GB-days, seen 2026-11-28 18:01 UTC`, a line each, if anybody stores here. */
export function accountLines(accounting: AccountingReport | undefined): readonly string[] {
  if (accounting === undefined || accounting.accountCount === 0) return []
  const shown = accounting.accounts.slice(0, SHOWN_MAX)
  const width = Math.max(...shown.map((account) => titleOf(account).length))
  const lines = shown.map((account) => `${titleOf(account).padEnd(width)}  ${useOf(account)}`)
  const others = accounting.accountCount - shown.length
  if (others > 0) lines.push(`and ${others} more: --json lists them`)
  return labelled('accounts', lines)
}

/** What this node itself has on a server: `; ours 12 GB of 50 GB, 340 GB-days`, or nothing. */
export function ownUse({ accountUsedBytes, accountQuotaBytes, accountByteDays }: ServerStatus): string {
  if (accountUsedBytes === 0 && (accountByteDays ?? 0) === 0) return ''
  return `; ours ${limited(accountUsedBytes, accountQuotaBytes)}${timeOf(accountByteDays)}`
}

function titleOf({ account, name, isSelf }: AccountReport): string {
  if (account === '') return '(leases lost)'
  const title = printable(name ?? '') || `${account.slice(0, PEER_ID_SHOWN)}…`
  return isSelf ? `${title} (this one)` : title
}

function useOf({ usedBytes, quotaBytes, byteDays, lastSeenSeconds, account }: AccountReport): string {
  const seen = lastSeenSeconds === undefined || account === '' ? '' : `, seen ${utcText(lastSeenSeconds)}`
  return `${limited(usedBytes, quotaBytes)}${timeOf(byteDays)}${seen}`
}

function limited(usedBytes: number, quotaBytes: number | undefined): string {
  return quotaBytes === undefined
    ? formatBytes(usedBytes)
    : `${formatBytes(usedBytes)} of ${formatBytes(quotaBytes)}`
}

function timeOf(byteDays: number | undefined): string {
  return byteDays === undefined ? '' : `, ${formatBytes(byteDays)}-days`
}
