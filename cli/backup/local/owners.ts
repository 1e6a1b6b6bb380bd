/**
 * Names of the users and groups of this machine by number, and numbers by name. From /etc/passwd and /etc/group; who
 * is not there is asked for once through getent, which knows of directories and other sources too.
 */
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** More than machines have; beyond, owners have numbers only. */
const ACCOUNTS_MAX = 100_000
/** Each takes some milliseconds, and a hostile tree could ask for millions. */
const LOOKUPS_MAX = 1000
const LOOKUP_MILLISECONDS = 5000

type Database = 'passwd' | 'group'

export class Owners {
  readonly users: AccountNames
  readonly groups: AccountNames

  constructor(users: AccountNames, groups: AccountNames) {
    this.users = users
    this.groups = groups
  }

  static async open(): Promise<Owners> {
    return new Owners(
      new AccountNames(await accountsIn('/etc/passwd'), lookUpIn('passwd')),
      new AccountNames(await accountsIn('/etc/group'), lookUpIn('group')),
    )
  }
}

export interface Account {
  readonly name: string
  readonly id: number
}

/** Answers are kept, also that there is none. */
export class AccountNames {
  readonly #nameById = new Map<number, string | undefined>()
  readonly #idByName = new Map<string, number | undefined>()
  readonly #lookUp: (key: string) => Account | undefined
  #lookUpsLeft = LOOKUPS_MAX

  /** @param lookUp by a name or a number in decimal, for whoever is not among the accounts */
  constructor(accounts: Iterable<Account>, lookUp: (key: string) => Account | undefined) {
    this.#lookUp = lookUp
    for (const account of accounts) this.#add(account)
  }

  nameOf(id: number): string | undefined {
    if (!this.#nameById.has(id)) {
      const found = this.#ask(String(id))
      if (found?.id === id) this.#add(found)
      else this.#nameById.set(id, undefined)
    }
    return this.#nameById.get(id)
  }

  idOf(name: string): number | undefined {
    if (!this.#idByName.has(name)) {
      const found = this.#ask(name)
      // A name of digits would be taken for a number, and be somebody else's.
      if (found?.name === name) this.#add(found)
      else this.#idByName.set(name, undefined)
    }
    return this.#idByName.get(name)
  }

  /** The first of several accounts with one name or number counts, as it does for the system. */
  #add({ name, id }: Account): void {
    if (!this.#nameById.has(id)) this.#nameById.set(id, name)
    if (!this.#idByName.has(name)) this.#idByName.set(name, id)
  }

  #ask(key: string): Account | undefined {
    if (this.#lookUpsLeft === 0) return undefined
    this.#lookUpsLeft -= 1
    return this.#lookUp(key)
  }
}

async function accountsIn(path: string): Promise<readonly Account[]> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text
    .split('\n', ACCOUNTS_MAX)
    .map(parseAccount)
    .filter((account) => account !== undefined)
}

/** `name:password:number:…`, alike in both files. */
function parseAccount(line: string): Account | undefined {
  const [name, , id] = line.split(':')
  if (name === undefined || name === '' || id === undefined || !/^\d{1,10}$/.test(id)) return undefined
  return { name, id: Number(id) }
}

function lookUpIn(database: Database): (key: string) => Account | undefined {
  return (key) => {
    if (key === '' || key.includes('\0')) return undefined
    try {
      const answer = execFileSync('getent', [database, '--', key], {
        encoding: 'utf8',
        timeout: LOOKUP_MILLISECONDS,
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      return parseAccount(answer.split('\n', 1)[0] ?? '')
    } catch {
      // Nobody of that name or number, or a system without getent.
      return undefined
    }
  }
}
