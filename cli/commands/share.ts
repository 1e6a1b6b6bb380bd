/** `cairn share`: the weakest capability that does the job. */
import { isatty } from 'node:tty'
import {
  type Capability,
  type CapabilityKind,
  formatCapability,
  toReadCapability,
  toVerifyCapability,
  WeakCapabilityError,
} from '#crypto'
import { whileOpen } from '#node'
import type { CommandContext } from '../context.ts'
import { EXIT_DONE } from '../exit-code.ts'
import { parsePlace, requireGrid } from '../grid-path.ts'
import type { ShareArgs } from '../invocation.ts'
import { Lookup } from '../lookup.ts'
import { drawQr } from '../qr.ts'

const STDOUT = 1

export async function share(args: ShareArgs, context: CommandContext): Promise<number> {
  const { output } = context
  const place = requireGrid(parsePlace(args.place))
  // A root is shared without asking anybody: one that only verifies leads nowhere, and can still be handed on.
  const held =
    place.path.length === 0
      ? await context.roots.read(place)
      : await whileOpen(
          await context.openFiles(),
          async (files) => (await new Lookup(files, context).find(place)).capability,
        )
  const shared = weakest(held, args.right)
  const capability = formatCapability(shared)
  const grants = `Whoever has it ${GRANTS[shared.kind]}.`
  output.note(grants)
  const isDrawn = args.qr ?? isatty(STDOUT)
  const text = isDrawn ? `${capability}\n${drawQr(capability)}` : capability
  await output.result({ capability, kind: shared.kind, grants }, text)
  return EXIT_DONE
}

function weakest(held: Capability, right: ShareArgs['right']): Capability {
  switch (right) {
    case 'read':
      return toReadCapability(held)
    case 'verify':
      return toVerifyCapability(held)
    case 'write':
      if (held.access === 'write') return held
      throw new WeakCapabilityError(
        `what is held here is of kind ${held.kind}, which does not write`,
        held.kind === 'file' || held.kind === 'lit' || held.kind === 'tree'
          ? {
              hint: 'It is immutable: nobody can write it. A directory that has it can be shared with --write.',
            }
          : {},
      )
  }
}

const GRANTS = {
  lit: 'has the content itself: it is in the capability',
  file: 'can read this file, which never changes',
  'file-verify': 'can check and repair this file, and not read it',
  slot: 'can read and replace the content of this file',
  'slot-read': 'can read this file, as it is and as it will be',
  'slot-verify': 'can check and repair this file, and not read it',
  dir: 'can read and change this directory and all below it',
  'dir-read': 'can read this directory and all below it, as it is and as it will be, and change nothing',
  'dir-verify': 'can check and repair this directory and all below it, seeing neither names nor content',
  tree: 'can read this directory and all below it, which never changes',
  'tree-verify': 'can check and repair this directory and all below it, seeing neither names nor content',
} as const satisfies Record<CapabilityKind, string>
