/** Which snapshots a forget takes out. Decided here, carried out elsewhere. Pure. */
import { InvalidInputError, type Snapshot } from '#crypto'
import { describeGroup } from './describe-snapshot.ts'
import type { ForgetArgs } from './invocation.ts'
import { applyPolicy, hasRules, type Verdict } from './policy.ts'
import {
  chooseSnapshot,
  groupSnapshots,
  hasFilter,
  isChosen,
  type SnapshotGroup,
  shortId,
} from './selection.ts'

export interface ForgetPlan {
  /** By rules: each group with what is kept of it, and why. None if ids were named. */
  readonly groups: readonly (Verdict<Snapshot> & { readonly key: SnapshotGroup['key'] })[]
  readonly ids: readonly string[]
}

type Wanted = Pick<ForgetArgs, 'ids' | 'rules' | 'filter' | 'groupBy' | 'allowRemoveAll'>

const ALL_HINT = '--unsafe-allow-remove-all does it all the same.'

/**
 * @param snapshots all of the repository that can be read
 * @param options `unreadableIds` of those that cannot: they are forgotten if they are named, never by rules
 * @throws InvalidInputError if nothing says what to forget, or nothing would be left; NotFoundError for an id
 */
export function planForget(
  snapshots: readonly Snapshot[],
  wanted: Wanted,
  options: { readonly nowMilliseconds: number; readonly unreadableIds: readonly string[] },
): ForgetPlan {
  return wanted.ids.length > 0
    ? planByIds(snapshots, wanted, options.unreadableIds)
    : planByRules(snapshots, wanted, options.nowMilliseconds)
}

function planByIds(
  snapshots: readonly Snapshot[],
  wanted: Wanted,
  unreadableIds: readonly string[],
): ForgetPlan {
  if (hasRules(wanted.rules)) throw new InvalidInputError('forget: ids or rules (--keep-…), not both')
  const ids = new Set(
    wanted.ids.map((text) => {
      const [unreadable, ...more] = unreadableIds.filter((id) => text !== '' && id.startsWith(text))
      if (unreadable !== undefined && more.length === 0) return unreadable
      return chooseSnapshot(snapshots, text, wanted.filter).id
    }),
  )
  const isAll = snapshots.length > 0 && snapshots.every(({ id }) => ids.has(id))
  if (isAll && !wanted.allowRemoveAll) {
    throw new InvalidInputError('these are all snapshots of the repository: none would be left', {
      hint: ALL_HINT,
    })
  }
  return { groups: [], ids: [...ids] }
}

function planByRules(snapshots: readonly Snapshot[], wanted: Wanted, nowMilliseconds: number): ForgetPlan {
  const { rules, filter, groupBy, allowRemoveAll } = wanted
  if (!hasRules(rules) && !(allowRemoveAll && hasFilter(filter))) {
    throw new InvalidInputError('forget: the ids of snapshots wanted, or a rule that says what to keep', {
      hint: 'Such as --keep-last 3 --keep-daily 7; cairn snapshots lists the ids.',
    })
  }
  const chosen = snapshots.filter((snapshot) => isChosen(snapshot, filter))
  const groups = groupSnapshots(chosen, groupBy).map((group) => ({
    key: group.key,
    ...applyPolicy(group.snapshots, rules, { nowMilliseconds }),
  }))
  const emptied = groups.find(({ kept }) => kept.length === 0)
  if (emptied !== undefined && !allowRemoveAll) {
    const [newest] = emptied.forgotten
    throw new InvalidInputError(
      `no rule keeps any snapshot of ${describeGroup(emptied.key)}, such as ${shortId(newest?.id ?? '')}: none of ` +
        'them would be left',
      { hint: ALL_HINT },
    )
  }
  return { groups, ids: groups.flatMap(({ forgotten }) => forgotten.map(({ id }) => id)) }
}
