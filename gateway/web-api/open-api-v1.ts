/** The routes of API.md, for the OpenAPI document. */
import {
  childMessage,
  deepReportMessage,
  directoryBody,
  editBody,
  editMessage,
  findBody,
  foundMessage,
  madeDirectoryMessage,
  madeSlotMessage,
  madeTreeMessage,
  treeBody,
  walkedMessage,
} from '../directory-messages.ts'
import { expelBody, expelMessage, inviteBody, invitedMessage, memberListMessage } from '../member-messages.ts'
import {
  checkMessage,
  helloMessage,
  itemMessage,
  putMessage,
  repairMessage,
  statusMessage,
} from '../messages.ts'
import { BYTES, json, jsonOf, linesOf, type OperationRow } from './open-api-parts.ts'

const CAPABILITY = ['Cairn-Capability'] as const
const NUMBERS = ['needed', 'happy', 'total'] as const

const deep = (summary: string): OperationRow => ({
  summary,
  headers: CAPABILITY,
  answer: linesOf(itemMessage(deepReportMessage)),
})
const slot = (summary: string): OperationRow => ({
  summary,
  headers: CAPABILITY,
  answer: jsonOf(deepReportMessage),
})

const health = (summary: string): OperationRow => ({
  summary,
  isOpen: true,
  answer: json({ type: 'object', required: ['live'], properties: { live: { const: true } } }),
})

/** By method and route. */
export const V1_OPERATIONS: Readonly<Record<string, OperationRow>> = Object.freeze({
  'GET /v1/hello': {
    summary: 'Proof that the daemon has the token',
    isOpen: true,
    headers: ['Cairn-Nonce'],
    answer: jsonOf(helloMessage),
  },
  'GET /v1/status': { summary: 'Node and grid', answer: jsonOf(statusMessage) },
  'PUT /v1/files': {
    summary: 'Put a file',
    query: [...NUMBERS, 'convergent', 'binding-lease'],
    headers: ['Cairn-Size'],
    body: BYTES,
    answer: jsonOf(putMessage),
  },
  'GET /v1/files': {
    summary: 'The content of a file, or the value of a slot',
    headers: [...CAPABILITY, 'Range', 'TE'],
    answer: BYTES,
  },
  'POST /v1/directories': {
    summary: 'Make a directory',
    body: jsonOf(directoryBody),
    answer: jsonOf(madeDirectoryMessage),
  },
  'POST /v1/trees': {
    summary: 'Make a directory that never changes',
    body: jsonOf(treeBody),
    answer: jsonOf(madeTreeMessage),
  },
  'GET /v1/directories': {
    summary: 'List a directory',
    headers: CAPABILITY,
    answer: linesOf(itemMessage(childMessage)),
  },
  'POST /v1/directories/edit': {
    summary: 'Change a directory',
    headers: CAPABILITY,
    body: jsonOf(editBody),
    answer: jsonOf(editMessage),
  },
  'POST /v1/directories/find': {
    summary: 'Follow names',
    headers: CAPABILITY,
    body: jsonOf(findBody),
    answer: jsonOf(foundMessage),
  },
  'POST /v1/directories/walk': {
    summary: 'All below a directory',
    headers: CAPABILITY,
    answer: linesOf(itemMessage(walkedMessage)),
  },
  'PUT /v1/slots': {
    summary: 'Put a value into a slot, or into a new one',
    query: [...NUMBERS, 'accept-rollback', 'binding-lease', 'if-version'],
    headers: [...CAPABILITY, 'Cairn-Size'],
    body: BYTES,
    answer: jsonOf(madeSlotMessage),
  },
  'POST /v1/slots/check': slot('Who holds the record of a slot'),
  'POST /v1/slots/repair': slot('Bring the record to all of its servers'),
  'POST /v1/check': { summary: 'Who holds a file', headers: CAPABILITY, answer: jsonOf(checkMessage) },
  'POST /v1/verify': {
    summary: 'Read and hash every block of a file',
    headers: [...CAPABILITY, 'Accept'],
    answer: jsonOf(checkMessage),
  },
  'POST /v1/repair': {
    summary: 'Make missing shares again',
    headers: [...CAPABILITY, 'Accept'],
    answer: jsonOf(repairMessage),
  },
  'POST /v1/deep/check': deep('Check all below'),
  'POST /v1/deep/verify': deep('Verify all below'),
  'POST /v1/deep/repair': deep('Repair all below'),
  'POST /v1/invitations': {
    summary: 'Make links that are good once',
    body: jsonOf(inviteBody),
    answer: jsonOf(invitedMessage),
  },
  'GET /v1/members': { summary: 'Members of the grid', answer: jsonOf(memberListMessage) },
  'POST /v1/expulsions': {
    summary: 'End a membership',
    body: jsonOf(expelBody),
    answer: jsonOf(expelMessage),
  },
  'GET /health': health('Whether the daemon can work'),
  'GET /health/ready': health('Whether the daemon can work'),
  'GET /health/live': health('Whether the process answers'),
  'GET /metrics': { summary: 'Figures for Prometheus', answer: { 'text/plain': {} } },
})
