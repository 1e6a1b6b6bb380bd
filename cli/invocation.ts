/** What a command line asks for, as types. */
import type { BackupInvocation } from './backup/invocation.ts'

export interface CommonArgs {
  /** Undefined: CAIRN_HOME, or the folder of the XDG rules. */
  readonly home: string | undefined
  /** Results as JSON on stdout. */
  readonly json: boolean
  /** No progress and no notes. */
  readonly quiet: boolean
  /** Write over what servers have rolled back to. False for commands that write nothing. */
  readonly acceptRollback: boolean
}

/** Undefined: the configuration of the home decides. */
export interface NumberArgs {
  readonly needed: number | undefined
  readonly happy: number | undefined
  readonly total: number | undefined
}

/** What `init` and `join` write into the configuration. */
export interface HomeArgs extends CommonArgs, NumberArgs {
  readonly lend: string | undefined
  readonly reserve: string | undefined
  readonly quota: string | undefined
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly owner: string | undefined
  readonly site: string | undefined
  /** Go on as `cairn run`. */
  readonly run: boolean
}

export interface InitArgs extends HomeArgs {
  readonly verb: 'init'
  readonly bootstrap: readonly string[]
  /** No founder and no members: whoever reaches a node may use it. */
  readonly open: boolean
  /** Of this machine, as the grid knows it. */
  readonly name: string | undefined
  /** A file with a recovery kit, or `-` for standard input. */
  readonly kit: string | undefined
}

export interface JoinArgs extends HomeArgs {
  readonly verb: 'join'
  /** A link, `@FILE`, or `-` for standard input. */
  readonly link: string
}

export interface InviteArgs extends CommonArgs {
  readonly verb: 'invite'
  /** One link for each. */
  readonly names: readonly string[]
  readonly roles: readonly string[]
  readonly quota: string | undefined
  /** A date, or a time from now. */
  readonly expires: string | undefined
  readonly inviteDepth: number
  readonly within: string | undefined
  /** Undefined: if standard output is a terminal. */
  readonly qr: boolean | undefined
}

export interface MembersArgs extends CommonArgs {
  readonly verb: 'members'
}

export interface ExpelArgs extends CommonArgs {
  readonly verb: 'expel'
  readonly member: string
}

export interface RunArgs extends CommonArgs {
  readonly verb: 'run'
  /** Stop when standard input ends: a parent that is killed takes its daemons along. */
  readonly stopWithStdin: boolean
  /** Do not run here, but have systemd do it from now on. */
  readonly installService: boolean
  /** With that: whom the daemon runs as. */
  readonly serviceUser: string | undefined
  /** With that: only show the unit. */
  readonly print: boolean
}

export interface StatusArgs extends CommonArgs {
  /** How safe everything is that has an alias. */
  readonly roots: boolean
  readonly verb: 'status'
}

export interface PutArgs extends CommonArgs, NumberArgs {
  readonly verb: 'put'
  /** A path, or `-` for standard input. */
  readonly source: string
  /** A path of the grid; undefined: only the capability is wanted. */
  readonly target: string | undefined
  readonly convergent: boolean
  /** Into a slot. */
  readonly mutable: boolean
  readonly progress: boolean
}

export interface GetArgs extends CommonArgs {
  readonly verb: 'get'
  /** A path of the grid, a capability, `@FILE` or `@-`. */
  readonly source: string
  /** A path, or `-` for standard output. */
  readonly target: string
  readonly range: string | undefined
  readonly force: boolean
  readonly progress: boolean
}

export interface UpkeepArgs extends CommonArgs {
  readonly verb: 'check' | 'verify' | 'repair'
  readonly place: string
  /** Everything below it too. */
  readonly deep: boolean
  readonly progress: boolean
}

/** `check --safety`. */
export interface SafetyArgs extends CommonArgs {
  readonly verb: 'safety'
  readonly place: string
  readonly progress: boolean
}

export interface GridArgs extends CommonArgs, NumberArgs {
  readonly verb: 'grid'
  /** Undefined: as many as the folder has, or ten. */
  readonly servers: number | undefined
  readonly dir: string
  readonly lend: string | undefined
  /** Without members, if the folder is new. */
  readonly open: boolean
}

export interface MkdirArgs extends CommonArgs {
  readonly verb: 'mkdir'
  readonly paths: readonly string[]
  readonly parents: boolean
}

export interface LsArgs extends CommonArgs {
  readonly verb: 'ls'
  readonly place: string
  readonly long: boolean
  readonly recursive: boolean
}

export interface CpArgs extends CommonArgs {
  readonly verb: 'cp'
  readonly sources: readonly string[]
  readonly target: string
  readonly recursive: boolean
  readonly force: boolean
  readonly follow: boolean
  /** Files at a time; undefined: the default. */
  readonly jobs: number | undefined
  readonly progress: boolean
}

export interface MvArgs extends CommonArgs {
  readonly verb: 'mv'
  readonly sources: readonly string[]
  readonly target: string
}

export interface RmArgs extends CommonArgs {
  readonly verb: 'rm'
  readonly places: readonly string[]
  readonly recursive: boolean
  readonly force: boolean
}

export interface LnArgs extends CommonArgs {
  readonly verb: 'ln'
  readonly source: string
  readonly target: string
  readonly readOnly: boolean
  readonly force: boolean
}

export interface ShareArgs extends CommonArgs {
  readonly verb: 'share'
  readonly place: string
  readonly right: 'read' | 'write' | 'verify'
  /** Undefined: if standard output is a terminal. */
  readonly qr: boolean | undefined
}

export type AliasArgs = CommonArgs & { readonly verb: 'alias' } & (
    | { readonly action: 'add'; readonly name: string; readonly source: string; readonly force: boolean }
    | { readonly action: 'create'; readonly name: string }
    | { readonly action: 'list'; readonly show: boolean }
    | { readonly action: 'rm'; readonly name: string; readonly force: boolean }
  )

export type Invocation =
  | InitArgs
  | JoinArgs
  | InviteArgs
  | MembersArgs
  | ExpelArgs
  | RunArgs
  | StatusArgs
  | PutArgs
  | GetArgs
  | UpkeepArgs
  | SafetyArgs
  | GridArgs
  | MkdirArgs
  | LsArgs
  | CpArgs
  | MvArgs
  | RmArgs
  | LnArgs
  | ShareArgs
  | AliasArgs
  | BackupInvocation
