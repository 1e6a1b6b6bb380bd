/** `cairn invite`: links with which others join. */
import { isatty } from 'node:tty'
import { INVITATION_SECONDS_DEFAULT, parseSize, systemClock, utcText, whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import type { InviteArgs } from '../invocation.ts'
import { drawQr } from '../qr.ts'
import { parseDuration, parseEnd } from '../when.ts'

const STDOUT = 1

export async function invite(args: InviteArgs, context: CommandContext): Promise<number> {
  const { output, signal } = context
  const { names, roles, inviteDepth, quota, expires, within } = args
  const options = {
    names,
    roles,
    inviteDepth,
    quotaBytes: quota === undefined ? undefined : parseSize(quota),
    endsAtSeconds: expires === undefined ? undefined : parseEnd(expires, '--expires', systemClock.now()),
    validSeconds: within === undefined ? INVITATION_SECONDS_DEFAULT : parseDuration(within, '--within'),
    signal,
  }
  const invitations = await whileOpen(await context.openFiles(), (files) => files.invite(options))
  const isDrawn = args.qr ?? isatty(STDOUT)
  const [first] = invitations
  if (first !== undefined) {
    output.note(
      `${invitations.length === 1 ? 'This link is' : 'These links are'} good once, until ` +
        `${utcText(first.validUntilSeconds)}, at this node: ${first.addresses.join(', ')}.`,
    )
    output.note('Whoever has it first is the member: send it as you would a key. There: cairn join LINK')
    if (first.addresses.every((address) => address.includes('/127.') || address.includes('/::1/'))) {
      output.warning(
        'These addresses are of this machine alone: set network.listen in cairn.toml for others to reach it.',
      )
    }
  }
  const texts = invitations.map(({ name, link }) => {
    const text = isDrawn ? `${link}\n${drawQr(link)}` : link
    return name === '' || invitations.length === 1 ? text : `${name}: ${text}`
  })
  await output.result({ invitations }, texts.join('\n'))
  return EXIT_DONE
}
