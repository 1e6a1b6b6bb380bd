/** What a command line asks for, as types. */

export interface CommonArgs {
  /** Undefined: CAIRN_HOME, or the folder of the XDG rules. */
  readonly home: string | undefined
  /** Results as JSON on stdout. */
  readonly json: boolean
  /** No progress and no notes. */
  readonly quiet: boolean
}

/** Undefined: the configuration of the home decides. */
export interface NumberArgs {
  readonly needed: number | undefined
  readonly happy: number | undefined
  readonly total: number | undefined
}

export interface InitArgs extends CommonArgs, NumberArgs {
  readonly verb: 'init'
  readonly lend: string | undefined
  readonly reserve: string | undefined
  readonly quota: string | undefined
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly bootstrap: readonly string[]
  readonly owner: string | undefined
  readonly site: string | undefined
}

export interface RunArgs extends CommonArgs {
  readonly verb: 'run'
  /** Stop when standard input ends: a parent that is killed takes its daemons along. */
  readonly stopWithStdin: boolean
}

export interface StatusArgs extends CommonArgs {
  readonly verb: 'status'
}

export interface PutArgs extends CommonArgs, NumberArgs {
  readonly verb: 'put'
  /** A path, or `-` for standard input. */
  readonly source: string
  readonly convergent: boolean
  readonly progress: boolean
}

export interface GetArgs extends CommonArgs {
  readonly verb: 'get'
  /** The capability itself, `@FILE` or `@-`. */
  readonly capability: string
  /** A path, or `-` for standard output. */
  readonly target: string
  readonly range: string | undefined
  readonly force: boolean
  readonly progress: boolean
}

export interface UpkeepArgs extends CommonArgs {
  readonly verb: 'check' | 'verify' | 'repair'
  readonly capability: string
  readonly progress: boolean
}

export interface GridArgs extends CommonArgs, NumberArgs {
  readonly verb: 'grid'
  /** Undefined: as many as the folder has, or ten. */
  readonly servers: number | undefined
  readonly dir: string
  readonly lend: string | undefined
}

export type Invocation = InitArgs | RunArgs | StatusArgs | PutArgs | GetArgs | UpkeepArgs | GridArgs
