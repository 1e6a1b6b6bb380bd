/**
 * Vectors of chains, expulsions and links of invitations (PROTOCOL §12), sound ones and refused ones with one fault each.
 *
 * Not in a browser, as those of vectors.ts are: what is judged here is the node's.
 */
import {
  concat,
  encodeFields,
  type FieldRecord,
  type FieldValue,
  fromBase32,
  Secret,
  TAGS,
  type Tag,
  taggedHash,
  toBase32,
  utf8,
} from '#crypto'
import { type Chain, chainBytes, formatChain, issueChain, parseChain } from '../../node/membership/chain.ts'
import { type Expulsion, readExpulsion, signExpulsion } from '../../node/membership/expulsion.ts'
import {
  formatInvitation,
  INVITATION_PREFIX,
  parseInvitation,
  tokenHash,
} from '../../node/membership/invitation.ts'
import { inviteChain, NOW, NOW_SECONDS, signerOfSeed } from './members.ts'
import { hex, pattern } from './pattern.ts'
import { mustRefuse } from './refused-vectors.ts'

const FOUNDER = signerOfSeed(pattern(1200, 32))
const ANN = signerOfSeed(pattern(1201, 32))
const BOB = signerOfSeed(pattern(1202, 32))
const EVE = signerOfSeed(pattern(1203, 32))
const YEAR_SECONDS = 365 * 24 * 3600

/** Every vector file by its name. */
export async function makeMembershipVectors(): Promise<Readonly<Record<string, unknown>>> {
  const { ann, bob, lean } = await chains()
  const byAnn = await signExpulsion(ANN, expulsionOf('bob'), bob)
  const byFounder = await signExpulsion(FOUNDER, expulsionOf(''), undefined)
  return {
    member_chain: [ann, bob, lean].map(chainVector),
    member_chain_refused: await refusedChains(ann, bob),
    expulsion: [byAnn, byFounder].map(expulsionVector),
    expulsion_refused: await refusedExpulsions(bob, byAnn),
    invitation: invitations().map(invitationVector),
    invitation_refused: await refusedInvitations(),
  }
}

async function chains(): Promise<{ readonly ann: Chain; readonly bob: Chain; readonly lean: Chain }> {
  const ann = await issueChain(FOUNDER, {
    parent: undefined,
    subject: ANN.publicKey,
    name: 'ann',
    serial: NOW,
    grant: {
      roles: ['client', 'server'],
      quotaBytes: 1_000_000,
      expiresAtSeconds: NOW_SECONDS + YEAR_SECONDS,
      lifetimeSeconds: YEAR_SECONDS,
      inviteDepth: 5,
    },
  })
  const parent = { signer: ANN, chain: ann }
  const bob = await inviteChain(parent, BOB, { name: 'bob', inviteDepth: 1, quotaBytes: 1_000_000 })
  const lean = await inviteChain({ signer: BOB, chain: bob }, EVE, {
    name: '\u6f22\u{1f600}',
    roles: [],
    quotaBytes: 0,
    expiresAtSeconds: 0,
    lifetimeSeconds: undefined,
    serial: 0,
  })
  return { ann, bob, lean }
}

function chainVector(chain: Chain) {
  return {
    certificates: chain.certificates.map((certificate) => ({
      grid: hex(certificate.gridId),
      subject: hex(certificate.subject),
      issuer: hex(certificate.issuer),
      name: certificate.name,
      roles: certificate.roles,
      quota: certificate.quotaBytes,
      expires: certificate.expiresAtSeconds,
      lifetime: certificate.lifetimeSeconds,
      invite: certificate.inviteDepth,
      serial: certificate.serial,
    })),
    rosterKey: hex(taggedHash(TAGS.rosterMember, chain.own.subject)),
    bytes: hex(formatChain(chain)),
  }
}

/** Signed by the key that is given, whatever the fields say. */
async function signedMap(
  tag: Tag,
  by: { sign(bytes: Uint8Array): Promise<Uint8Array> },
  fields: FieldRecord,
): Promise<{ readonly body: Uint8Array; readonly signature: Uint8Array }> {
  const body = encodeFields(fields)
  const name = utf8(tag)
  return { body, signature: await by.sign(concat(Uint8Array.of(name.length), name, body)) }
}

/** Bob's as ann could sign it, changed. */
async function certificate(changed: FieldRecord, by = ANN): Promise<Uint8Array> {
  return encodeFields({
    ...(await signedMap(TAGS.certificate, by, {
      v: 1,
      grid: FOUNDER.publicKey,
      subject: BOB.publicKey,
      issuer: ANN.publicKey,
      name: 'bob',
      roles: ['client'],
      quota: 1000,
      expires: NOW_SECONDS,
      invite: 0,
      serial: NOW,
      ...changed,
    })),
  })
}

async function refusedChains(ann: Chain, bob: Chain) {
  const [root = new Uint8Array(), leaf = new Uint8Array()] = chainBytes(bob)
  const [founded = new Uint8Array()] = chainBytes(ann)
  const entry = (...chain: readonly FieldValue[]) => encodeFields({ chain })
  const below = async (fault: string, changed: FieldRecord, by = ANN) => {
    return { fault, bytes: entry(root, await certificate(changed, by)) }
  }
  const sound = formatChain(bob)
  const flipped = (offset: number) => sound.with(offset, (sound[offset] ?? 0) ^ 1)
  const cases = [
    { fault: 'no certificate', bytes: entry() },
    { fault: 'seven certificates', bytes: entry(...Array<Uint8Array>(7).fill(root)) },
    { fault: 'a certificate that is no byte string', bytes: entry(root, 'bob') },
    { fault: 'an unknown field beside the chain', bytes: encodeFields({ chain: [root], x: 1 }) },
    { fault: 'a byte after the end', bytes: concat(sound, Uint8Array.of(0)) },
    { fault: 'the last byte missing', bytes: sound.slice(0, -1) },
    { fault: 'another bit in the last signature', bytes: flipped(sound.length - 1) },
    { fault: 'another bit in the first body', bytes: flipped(60) },
    { fault: 'without the first', bytes: entry(leaf) },
    { fault: 'in the wrong order', bytes: entry(leaf, founded) },
    { fault: 'the last one twice', bytes: entry(root, leaf, leaf) },
    await below('version 2', { v: 2 }),
    await below('an unknown field', { colour: 'red' }),
    await below('a key too short', { subject: BOB.publicKey.slice(1) }),
    await below('roles that are not sorted', { roles: ['server', 'client'] }),
    await below('a role twice', { roles: ['client', 'client'] }),
    await below('a role with a capital', { roles: ['Client'] }),
    await below('a role of 17 letters', { roles: ['abcdefghijklmnopq'] }),
    await below('a role of none', { roles: [''] }),
    await below('nine roles', { roles: [...'abcdefghi'] }),
    await below('a name of 65 units', { name: 'x'.repeat(65) }),
    await below('a name that hides something', { name: 'bob\u202e' }),
    await below('a lifetime of 0', { lifetime: 0 }),
    await below('no serial', { serial: undefined }),
    await below('a negative end', { expires: -1 }),
    await below('more than 640 bytes', {
      name: '\u6f22'.repeat(64),
      roles: Array.from({ length: 8 }, (_, index) => String.fromCharCode(97 + index).repeat(16)),
      extra: 'x'.repeat(200),
    }),
    await below('signed by another than the issuer', {}, EVE),
    await below('an issuer that is not the one before', { issuer: EVE.publicKey }, EVE),
    await below('of another grid', { grid: EVE.publicKey }),
    await below('a role that the one before has not', { roles: ['king'] }),
    await below('an end later than above', { expires: NOW_SECONDS + YEAR_SECONDS + 1 }),
    await below('a quota above the one before', { quota: 1_000_001 }),
    await below('no quota below one', { quota: undefined }),
    await below('an invite as high as above', { invite: 5 }),
    {
      fault: 'a first one whose issuer is not the grid',
      bytes: entry(await certificate({ subject: BOB.publicKey })),
    },
    {
      fault: 'a first one with an invite of 6',
      bytes: entry(await certificate({ issuer: FOUNDER.publicKey, invite: 6 }, FOUNDER)),
    },
    {
      fault: 'a member below one who may not invite',
      bytes: entry(
        root,
        await certificate({}),
        await certificate({ issuer: BOB.publicKey, subject: EVE.publicKey }, BOB),
      ),
    },
  ]
  for (const { fault, bytes } of cases) await mustRefuse(fault, () => parseChain(bytes))
  return cases.map(({ fault, bytes }) => ({ fault, bytes: hex(bytes) }))
}

function expulsionOf(name: string) {
  return { gridId: FOUNDER.publicKey, subject: BOB.publicKey, name, expelledAt: NOW }
}

function expulsionVector(expulsion: Expulsion) {
  return {
    grid: hex(expulsion.gridId),
    subject: hex(expulsion.subject),
    by: hex(expulsion.by),
    name: expulsion.name,
    at: expulsion.expelledAt,
    rosterKey: hex(taggedHash(TAGS.rosterExpulsion, expulsion.subject)),
    bytes: hex(expulsion.bytes),
  }
}

async function refusedExpulsions(bob: Chain, { bytes }: Expulsion) {
  const made = async (
    fault: string,
    changed: FieldRecord,
    options: {
      readonly by?: typeof ANN
      readonly chain?: readonly Uint8Array[]
      readonly extra?: FieldRecord
    } = {},
  ) => {
    const { by = ANN, chain = chainBytes(bob), extra = {} } = options
    const { body, signature } = await signedMap(TAGS.expulsion, by, {
      v: 1,
      grid: FOUNDER.publicKey,
      subject: BOB.publicKey,
      by: by.publicKey,
      name: 'bob',
      at: NOW,
      ...changed,
    })
    return { fault, bytes: encodeFields({ expulsion: body, signature, chain, ...extra }) }
  }
  const cases = [
    await made('version 2', { v: 2 }),
    await made('an unknown field', { colour: 'red' }),
    await made('an unknown field outside', {}, { extra: { x: 1 } }),
    await made('no time', { at: undefined }),
    await made('a name that hides something', { name: '\u0007' }),
    await made('no proof', {}, { chain: [] }),
    await made('the founder with a proof', {}, { by: FOUNDER }),
    await made('the proof of another', { subject: EVE.publicKey }),
    await made('another grid', { grid: EVE.publicKey }),
    await made('from the side', {}, { by: EVE }),
    await made('the member itself', {}, { by: BOB }),
    await made('signed by another', { by: ANN.publicKey }, { by: EVE }),
    await made('a proof that is not sound', {}, { chain: chainBytes(bob).toReversed() }),
    { fault: 'another bit in the signature', bytes: bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1) },
    { fault: 'the last byte missing', bytes: bytes.slice(0, -1) },
    { fault: 'a byte after the end', bytes: concat(bytes, Uint8Array.of(0)) },
  ]
  for (const { fault, bytes: wrong } of cases) await mustRefuse(fault, () => readExpulsion(wrong))
  return cases.map(({ fault, bytes: wrong }) => ({ fault, bytes: hex(wrong) }))
}

function invitations() {
  const addresses = [
    '/ip4/192.0.2.7/tcp/4001',
    '/ip6/2001:db8::7/tcp/4001/ws',
    '/dns4/a.example/tcp/1',
    '/dns6/b.example/tcp/2',
  ]
  return [1, 4].map((count, index) => ({
    gridId: FOUNDER.publicKey,
    inviter: ANN.publicKey,
    addresses: addresses.slice(0, count),
    token: new Secret(pattern(1210 + index, 16)),
  }))
}

function invitationVector(invitation: ReturnType<typeof invitations>[number]) {
  const token = invitation.token.reveal()
  return {
    grid: hex(invitation.gridId),
    inviter: hex(invitation.inviter),
    addresses: invitation.addresses,
    token: hex(token),
    tokenHash: hex(tokenHash(token)),
    text: formatInvitation(invitation),
  }
}

async function refusedInvitations() {
  const linkOf = (version: number, fields: FieldRecord) => {
    const payload = concat(Uint8Array.of(version), encodeFields(fields))
    const checksum = taggedHash(TAGS.invitationChecksum, payload).subarray(0, 4)
    return INVITATION_PREFIX + toBase32(concat(payload, checksum))
  }
  const sound: FieldRecord = {
    grid: FOUNDER.publicKey,
    inviter: ANN.publicKey,
    addresses: ['/ip4/192.0.2.7/tcp/4001'],
    token: pattern(1210, 16),
  }
  const changed = (fault: string, fields: FieldRecord) => ({
    fault,
    text: linkOf(1, { ...sound, ...fields }),
  })
  const text = linkOf(1, sound)
  parseInvitation(text)
  const bytes = fromBase32(text.slice(INVITATION_PREFIX.length))
  const cases = [
    { fault: 'version 2', text: linkOf(2, sound) },
    { fault: 'another prefix', text: text.replace('invite', 'file') },
    { fault: 'upper case', text: text.toUpperCase() },
    { fault: 'a line end', text: `${text}\n` },
    { fault: 'a letter less', text: text.slice(0, -1) },
    {
      fault: 'another checksum',
      text: INVITATION_PREFIX + toBase32(bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1)),
    },
    { fault: 'nothing', text: INVITATION_PREFIX },
    { fault: 'too long', text: INVITATION_PREFIX + 'a'.repeat(1100) },
    changed('an unknown field', { x: 1 }),
    changed('no grid', { grid: undefined }),
    changed('a token of 15 bytes', { token: pattern(1210, 15) }),
    changed('no address', { addresses: [] }),
    changed('five addresses', { addresses: Array<string>(5).fill('/ip4/192.0.2.7/tcp/1') }),
    changed('an address with a peer id', { addresses: [`/ip4/192.0.2.7/tcp/1/p2p/${ANN.peerId}`] }),
    changed('an address that is none', { addresses: ['192.0.2.7:4001'] }),
    changed('an address with a space', { addresses: ['/ip4/192.0.2.7 /tcp/1'] }),
    changed('an address of 129 characters', {
      addresses: [`/dns4/${'a'.repeat(115)}/tcp/4001`.padEnd(129, '1')],
    }),
  ]
  for (const { fault, text: wrong } of cases) await mustRefuse(fault, () => parseInvitation(wrong))
  return cases
}
