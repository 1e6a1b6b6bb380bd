/** Command lines about the members of a grid: invite, join, members, expel. */
import type { Command } from 'commander'
import { homeOf, withHome } from './node-args.ts'
import { commonOf, type Done, Values, withCommon } from './values.ts'

export function addInvite(command: Command, done: Done): void {
  withCommon(command)
    .option('--name <name...>', 'what the grid calls the new member; one link for each name')
    .option('--role <role...>', 'client (stores and reads), server (lends space); default: both')
    .option(
      '--quota <size>',
      'what each server grants the member, unless its owner says otherwise (default: no limit)',
    )
    .option(
      '--expires <when>',
      'the membership ends for good: a date such as 2027-06-30, or 90d (default: it is renewed)',
    )
    .option(
      '--may-invite [depth]',
      'the member may invite others, and they others in turn, so many times (default: 1)',
    )
    .option('--within <time>', 'how long the link is good, such as 12h (default: 7d)')
    .option('--qr', 'draw a QR code (default: on a terminal)')
    .option('--no-qr', 'draw none')
    .action((options: unknown) => {
      const values = new Values(options)
      const names = values.list('name')
      const roles = values.list('role')
      done({
        verb: 'invite',
        ...commonOf(values),
        names: names.length === 0 ? [''] : names,
        roles: roles.length === 0 ? ['client', 'server'] : roles,
        quota: values.text('quota'),
        expires: values.text('expires'),
        inviteDepth: values.flag('mayInvite') ? 1 : (values.whole('mayInvite') ?? 0),
        within: values.text('within'),
        qr: values.choice('qr'),
      })
    })
}

export function addJoin(command: Command, done: Done): void {
  withHome(command)
    .argument('<link>', 'the invitation: cairn:invite:…, @FILE that holds it, or - for standard input')
    .action((link: string, options: unknown) => done({ verb: 'join', ...homeOf(new Values(options)), link }))
}

export function addMembers(command: Command, done: Done): void {
  withCommon(command).action((options: unknown) =>
    done({ verb: 'members', ...commonOf(new Values(options)) }),
  )
}

export function addExpel(command: Command, done: Done): void {
  withCommon(command)
    .argument('<member>', 'its name, its peer id, or the end of that')
    .action((member: string, options: unknown) => {
      done({ verb: 'expel', ...commonOf(new Values(options)), member })
    })
}
