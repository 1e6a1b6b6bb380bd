/** What `--help` of the commands about backups says beyond the options. */

export const BACKUP_VERBS = {
  backup: {
    summary: 'make a snapshot of files and folders of this machine',
    examples: `
The first one makes a repository and the alias backup: for it. Files whose size, times and inode are those of the last
snapshot are not read, what is on the grid is not sent again, and one that was broken off goes on where it was. What the
home itself keeps is left out. A host that holds a drop-box (cairn drop) backs up into it.
Patterns are those of .gitignore: *.o, cache/, /home/*/tmp, **, !keep.o; the last that fits counts. One that begins
with a slash starts at the root of the machine, every other fits at any depth.
Exits with 1 if files could not be read; the snapshot has the rest.

Examples:
  $ cairn backup ~/photos ~/letters
  $ cairn backup / --one-file-system --exclude-caches --exclude /var/tmp --tag weekly
  $ cairn backup ~ --exclude-file ~/.backup-excludes --dry-run
  $ cairn backup ~ --install-timer                          once a day from now on; --install-timer='Mon 03:30'`,
  },
  snapshots: {
    summary: 'list the snapshots of a repository',
    examples: `
Examples:
  $ cairn snapshots
  $ cairn snapshots --host cellar --latest 1
  $ cairn snapshots --repository @read-only.cap --json      a line of JSON for each`,
  },
  find: {
    summary: 'find files in snapshots by name or path',
    examples: `
A pattern that begins with a slash is a path from the root, any other fits at any depth; * and ? stand for anything but
a slash, ** for any number of folders. Exits with 4 if nothing was found.

Examples:
  $ cairn find 'tax*.pdf'
  $ cairn find --snapshot latest --long '/home/*/letters/**'`,
  },
  diff: {
    summary: 'tell what differs between two snapshots',
    examples: `
+ added, - removed, M content changed, T another kind of thing; with --metadata U: modes, owners or times changed.

Examples:
  $ cairn diff k3f7qxma latest
  $ cairn diff --metadata k3f7 m2aw /home/ann/photos`,
  },
  restore: {
    summary: 'bring back a snapshot, or a part of it',
    examples: `
Modes, owners (as root), times, links, holes and attributes come back too. Files are there under their names only when
they are whole. With --overwrite changed, a restore that was broken off goes on where it was.
Exits with 1 if some could not be restored; the rest is.

Examples:
  $ cairn restore latest --target restored
  $ cairn restore latest:/home/ann --target /home/ann --overwrite changed
  $ cairn restore k3f7qxma --target / --overwrite changed --include '/etc/**' --verify`,
  },
  dump: {
    summary: 'print a file of a snapshot, or a folder as tar',
    examples: `
Examples:
  $ cairn dump latest /home/ann/letters/will.txt | less
  $ cairn dump latest /home/ann/photos | tar x`,
  },
  forget: {
    summary: 'take snapshots out of a repository, by id or by rules',
    examples: `
The rules mean what they mean in restic: snapshots are looked at from the newest to the oldest; --keep-daily 7 keeps the
newest of each of the last seven days that have any, and the oldest of all while fewer are kept. Rules add to one
another: what one keeps is kept. They are applied to each host and paths by themselves (--group-by). Days begin at
midnight here. A count may be unlimited.
Space is freed by cairn prune.

Examples:
  $ cairn forget --keep-last 3 --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --keep-yearly 10 --prune
  $ cairn forget --keep-within 30d --keep-tag kept --dry-run
  $ cairn forget k3f7qxma`,
  },
  prune: {
    summary: 'free what no snapshot needs any more',
    examples: `
Backups may run meanwhile: what one of them needs stays. Servers give the space free when the leases of what was let go
run out, 31 days at most.

Examples:
  $ cairn prune --dry-run
  $ cairn prune --repack-below 70%`,
  },
  drill: {
    summary: 'restore files chosen by chance, and prove that they are right',
    examples: `
They are restored to another place, compared with what the backup says and with the files of this machine that have not
changed since, and a dated report is printed. Exits with 0 only if every one is right: for cron. The same seed chooses
the same files again.

Examples:
  $ cairn drill
  $ cairn drill --files 200 --size 5GiB --target /tmp/drill
  $ cairn drill k3f7qxma --seed jq4xwa2o`,
  },
  'recovery-kit': {
    summary: 'make the page with which all is restored on a bare machine',
    examples: `
It holds the capability of the repository, addresses of members of the grid, the commands, and the same as a QR code.
Whoever has it can read all backups: print it, and keep it where no fire takes it together with this machine.
cairn init --kit FILE makes a home from it.

Examples:
  $ cairn recovery-kit --output kit.html                    a page for a printer
  $ cairn recovery-kit                                      as text, on standard output
  $ cairn recovery-kit --write --output kit.txt             to go on backing up from the new machine`,
  },
  drop: {
    summary: 'drop-boxes, for hosts that may only add backups: create, accept',
    examples: `
Whoever takes over such a host, ransomware say, cannot destroy or read what it backed up before.
On the machine of the owner a repository and a drop-box of it are made, and the drop-box is brought to the host; there
cairn backup puts into it. Whatever the owner does with the repository takes in first what the host has put.

Examples:
  $ cairn drop create cellar --output cellar.drop           on the machine of the owner
  $ cairn drop accept @cellar.drop                          on the host; then remove the file
  $ cairn snapshots --repository cellar:                    on the machine of the owner`,
  },
} as const
