/** What the owner of a home can have done about the members of its grid: a part of the contract in files.ts. */
import type { ExpelReport, Invited, InviteOptions, MemberList } from '#node'
import type { Cancellable } from './files.ts'

/** On an open grid each throws InvalidInputError. */
export interface GridMembers {
  /** @throws NotAdmittedError if this member may not invite; InvalidInputError if not so, or nobody can reach it */
  invite(options: InviteOptions & Cancellable): Promise<readonly Invited[]>
  members(options?: Cancellable): Promise<MemberList>
  /** @throws NotFoundError if nobody is called so; NotAdmittedError if this home is not entitled */
  expel(target: string, options?: Cancellable): Promise<ExpelReport>
}
