/** What `--help` says beyond the options. */
import { BACKUP_VERBS } from './help-backup.ts'

export const SUMMARY = 'An encrypted storage grid of machines that need not be trusted.'

export const HELP_AFTER = `
A path is of the grid if it begins with an alias (home:photos/2026), a capability (cairn:dir:…/photos) or @FILE that
holds one (@FILE:photos); anything else is of this machine, ./a:b too. A capability is a secret, and what is on a
command line is in the process list and the shell's history: an alias or @FILE is not.

Exit codes: 0 done, 1 done in part, 2 wrong call or configuration, 3 the capability does not grant that, 4 not found,
5 too few shares, 6 too few servers, 7 corrupt, 8 protocol broken, 9 in use already, 10 no space, 11 timed out,
12 unreachable, 13 busy, 14 not admitted to the grid, 70 a bug, 130 interrupted.

Try it:
  $ cairn grid --dir ~/grid                     ten servers on this machine, until Ctrl-C
  $ export CAIRN_HOME=~/grid/client; cairn alias create home; cairn cp -r photos home:
  $ cairn backup ~/letters; cairn recovery-kit --output kit.html
`

interface VerbHelp {
  readonly summary: string
  readonly examples: string
}

export const VERBS = {
  ...BACKUP_VERBS,
  put: {
    summary: 'store one file; prints its capability, or links it at a path',
    examples: `
Onto a name that stands for a mutable file, the content is replaced and its capabilities stay.

Examples:
  $ cairn put photo.jpg                                     prints a read capability
  $ tar c photos | cairn put - home:photos.tar
  $ cairn put --mutable notes.txt home:                     can be written again: cairn put notes.txt home:notes.txt
  $ cairn put --needed 2 --happy 4 --total 5 photo.jpg      on a grid of five servers`,
  },
  get: {
    summary: 'read one file by its path or read capability',
    examples: `
The file appears under its name only when all of it has been read and verified.

Examples:
  $ cairn get home:photo.jpg photo.jpg
  $ cairn get @photos.cap - | tar x
  $ cairn get home:film.mkv --range 0-1048575 - > first-mebibyte`,
  },
  mkdir: {
    summary: 'make directories',
    examples: `
Examples:
  $ cairn mkdir -p home:photos/2026
  $ cairn mkdir > album.cap                                 prints the write capability of a directory of no name`,
  },
  ls: {
    summary: 'list a directory',
    examples: `
With -l: d directory, t tree (a directory that never changes), f file, s mutable file; w if it can be written with what
the path grants; size, time of last change, name. Controls in names are escaped on a terminal.
With --snapshot the path is one of a backup.

Examples:
  $ cairn ls -l home:photos
  $ cairn ls -R --json home:
  $ cairn ls -l --snapshot latest /home/ann`,
  },
  cp: {
    summary: 'copy to the grid, from it, and within it',
    examples: `
To a directory that is there, else to the name given. Files of equal size and time are not sent again, so that a copy
that was interrupted goes on with the same command. Within the grid nothing is sent: the same files get more names.
Exits with 1 if some could not be copied; the rest is.

Examples:
  $ cairn cp -r ~/photos home:                              makes home:photos, or brings it up to date
  $ cairn cp -r home:photos/2026 /tmp
  $ cairn cp a.txt b.txt home:notes/
  $ cairn cp -r ~/photos home: --json --progress`,
  },
  mv: {
    summary: 'move and rename within the grid',
    examples: `
Within one directory it is one step, for everybody; between two it is there twice for a moment, and never lost.

Examples:
  $ cairn mv home:photo.jpg home:sunset.jpg
  $ cairn mv home:a home:b home:archive/`,
  },
  rm: {
    summary: 'take names out of directories',
    examples: `
Shares stay on the servers until their leases run out; whoever has a capability can read until then.

Examples:
  $ cairn rm home:sunset.jpg
  $ cairn rm -r home:archive`,
  },
  ln: {
    summary: 'link something of the grid at one more path',
    examples: `
Examples:
  $ cairn ln @from-ann.cap home:ann
  $ cairn ln --read-only home:photos home:public/photos`,
  },
  alias: {
    summary: 'names for capabilities: add, create, list, rm',
    examples: `
Aliases lie in the home, in a file of mode 0600. What only an alias can write is lost with it: keep a copy elsewhere.

Examples:
  $ cairn alias create home
  $ cairn alias add ann @from-ann.cap
  $ cairn alias list --show                                 shows secrets
  $ cairn alias rm ann`,
  },
  share: {
    summary: 'print the weakest capability that does the job, and a QR code',
    examples: `
Reading, unless --write or --verify. What was shared cannot be taken back; what it leads to can be changed.

Examples:
  $ cairn share home:photos/2026
  $ cairn share --write home:inbox > inbox.cap
  $ cairn share --verify home: > for-whoever-repairs.cap`,
  },
  check: {
    summary: 'count the shares of a file or of all below, as servers tell it',
    examples: `
Exits with 5 if something cannot be rebuilt. Only the right to verify is used and sent.
Without a path, a repository of backups: that all of every snapshot is there; with --read-data, that it is what it
should be. Exits with 7 if not.

Examples:
  $ cairn check home:photo.jpg
  $ cairn check --deep home:
  $ cairn check --safety home:photos                        how likely a file of it is lost within a year, and by what
  $ cairn check cairn:file-verify:…
  $ cairn check --read-data-subset 5%                       of backup:`,
  },
  verify: {
    summary: 'read every share and compare it with the capability',
    examples: `
Exits with 7 if a share is corrupt, and names share and server; with 5 if something cannot be rebuilt.

Examples:
  $ cairn verify @photos.cap
  $ cairn verify --deep home:photos`,
  },
  repair: {
    summary: 'make missing and corrupt shares again',
    examples: `
Needs no right to read: a verify capability is enough, and shows neither names nor content.

Examples:
  $ cairn repair home:photo.jpg
  $ cairn repair --deep @for-whoever-repairs.cap`,
  },
  init: {
    summary: 'make the first home of a new grid: configuration, keys, certificate',
    examples: `
The home gets the key of the grid's founder, in founder.key. It signs for this machine, and can expel anybody: copy it
to a safe place, away from this machine, and take it off if you like. Further machines take part with invitations.

Examples:
  $ cairn init --lend "200 GiB" --listen /ip4/0.0.0.0/tcp/4001 --run      found a grid, and serve it
  $ cairn init --open --bootstrap /ip4/192.0.2.7/tcp/4001                 a client of an open grid
  $ cairn init --kit kit.txt                                              from a recovery kit, to restore
Everything it writes but the keys can be changed later in cairn.toml.`,
  },
  invite: {
    summary: 'make links with which others join the grid, each good once',
    examples: `
A link is redeemed at this node, which must run then, and be reached at one of its addresses. Whoever has the link
first is the member: send it as you would a key. What a member may do is limited by what you may.

Examples:
  $ cairn invite --name bob                                               on a terminal with a QR code
  $ cairn invite --name bob carol --quota "50 GiB" --may-invite
  $ cairn invite --name guest --role client --expires 30d --within 1h`,
  },
  join: {
    summary: 'redeem an invitation, and make a home that is a member of the grid',
    examples: `
The link is a secret, and what is on a command line is in the process list: @FILE and - keep it out. A home that is
there already, of an open grid, becomes one of this grid and keeps its key and what it stores.

Examples:
  $ cairn join @link.txt --lend "200 GiB" --listen /ip4/0.0.0.0/tcp/4001 --run
  $ cairn join -                                                          a client; the link from standard input`,
  },
  members: {
    summary: 'list the members of the grid, and who was expelled',
    examples: `
Example:
  $ cairn members --json`,
  },
  expel: {
    summary: 'end a membership, at once and for good',
    examples: `
Servers then refuse the member, and all whom it has invited, and whom they have: they can be invited anew by others, the
expelled key cannot. Only the founder, or a member above it in the chain of invitations, may do that.

Examples:
  $ cairn expel bob
  $ cairn expel 7SWVEX7W                                                  the end of a peer id`,
  },
  run: {
    summary: 'run this member: serve what it lends, and the commands here',
    examples: `
Prints one line when it is ready; the log goes to standard error as JSON lines. On Ctrl-C or SIGTERM it takes nothing
new, gives what runs five seconds, and ends with 0; a second one ends it at once.

Examples:
  $ cairn run --home /srv/cairn
  $ cairn run --install-service --print                 the unit for systemd; without --print it is installed`,
  },
  status: {
    summary: 'say what this member knows: servers, space, who answers',
    examples: `
Example:
  $ cairn status --json
  $ cairn status --roots                                    how safe all is that has an alias, file by file`,
  },
  grid: {
    summary: 'run a whole grid on this machine, until Ctrl-C',
    examples: `
Each server is its own process. The folder holds server-1 … server-N and client; started again, it is the same grid
with its data. server-1 founded it: cairn invite --home DIR/server-1 lets other homes in. With --json one line tells
when it is ready: {"client": …, "servers": [{"pid", "peerId", "dir", "addresses"}]}.

Examples:
  $ cairn grid --servers 10 --dir ~/grid
  $ cairn put photo.jpg --home ~/grid/client                in another terminal`,
  },
} as const satisfies Record<string, VerbHelp>
