/** What `--help` says beyond the options. */

export const SUMMARY = 'An encrypted storage grid of machines that need not be trusted.'

export const HELP_AFTER = `
A capability is a secret: whoever has cairn:file:… can read the file, and nobody without it can. To keep one out of
the process list and the shell's history, write it to a file and give @FILE, or @- for standard input.

Exit codes: 0 done, 2 wrong call or configuration, 3 the capability does not grant that, 4 not found, 5 too few shares,
6 too few servers, 7 corrupt, 8 protocol broken, 9 in use already, 10 no space, 11 timed out, 12 unreachable, 13 busy,
70 a bug, 130 interrupted.

Try it:
  $ cairn grid --dir ~/grid           ten servers on this machine, until Ctrl-C
  $ cairn put photo.jpg --home ~/grid/client
`

interface VerbHelp {
  readonly summary: string
  readonly examples: string
}

export const VERBS = {
  init: {
    summary: 'make a home: configuration and key of one member of a grid',
    examples: `
Examples:
  $ cairn init --bootstrap /ip4/192.0.2.7/tcp/4001                        a client
  $ cairn init --lend "200 GiB" --listen /ip4/0.0.0.0/tcp/4001            a server that others reach
Everything it writes can be changed later in cairn.toml.`,
  },
  run: {
    summary: 'run this member: serve what it lends, and serve the commands of this machine',
    examples: `
Prints one line when it is ready; the log goes to standard error as JSON lines. Ends in order on Ctrl-C or SIGTERM.

Example:
  $ cairn run --home /srv/cairn`,
  },
  status: {
    summary: 'say what this member knows: servers, space, who answers',
    examples: `
Example:
  $ cairn status --json`,
  },
  put: {
    summary: 'store a file; prints its capability',
    examples: `
Examples:
  $ cairn put photo.jpg
  $ tar c photos | cairn put - > photos.cap
  $ cairn put --needed 2 --happy 4 --total 5 photo.jpg      on a grid of five servers`,
  },
  get: {
    summary: 'read a file by its read capability',
    examples: `
The file appears under its name only when all of it has been read and verified.

Examples:
  $ cairn get cairn:file:… photo.jpg
  $ cairn get @photos.cap - | tar x
  $ cairn get @film.cap --range 0-1048575 - > first-mebibyte`,
  },
  check: {
    summary: 'count the shares of a file, as the servers tell it',
    examples: `
Exits with 5 if the file cannot be rebuilt. Of a read capability only the right to verify is used and sent.

Example:
  $ cairn check cairn:file-verify:…`,
  },
  verify: {
    summary: 'read every share of a file and compare it with the capability',
    examples: `
Exits with 7 if a share is corrupt, and names share and server; with 5 if the file cannot be rebuilt.

Example:
  $ cairn verify @photos.cap`,
  },
  repair: {
    summary: 'make the missing and corrupt shares of a file again',
    examples: `
Needs no right to read: a verify capability is enough.

Example:
  $ cairn repair cairn:file-verify:…`,
  },
  grid: {
    summary: 'run a whole grid on this machine, each server its own process, until Ctrl-C',
    examples: `
The folder holds server-1 … server-N and client; started again, it is the same grid with its data. With --json one line
tells when it is ready: {"client": …, "servers": [{"pid", "peerId", "dir", "addresses"}]}.

Examples:
  $ cairn grid --servers 10 --dir ~/grid
  $ cairn put photo.jpg --home ~/grid/client                in another terminal`,
  },
} as const satisfies Record<string, VerbHelp>
