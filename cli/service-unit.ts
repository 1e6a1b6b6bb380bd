/**
 * `cairn run` as a unit of systemd, held tight: the texts. Pure. `deploy/cairn.service` is one of them; a test
 * compares.
 *
 * What it may do follows from what a daemon does: it writes into its home, listens and dials. V8 and the erasure code
 * compile at run time, so MemoryDenyWriteExecute cannot be on.
 */
import type { SystemdCommands } from './systemd.ts'
import { argument, oneLine, quoted, type Unit } from './unit-text.ts'

export interface ServicePlan {
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly home: string
  /** Whom it runs as; undefined: the user whose systemd it is, which cannot confine as much. */
  readonly user: string | undefined
}

export const SERVICE_NAME = 'cairn.service'
/** The first line of what is written here, and what may be replaced by it. */
export const SERVICE_HEAD =
  '# A daemon of Cairn; written by cairn run --install-service, or taken from deploy/'

/** @throws InvalidInputError for what a unit cannot hold */
export function serviceUnit({ command, home, user }: ServicePlan): Unit {
  const isSystem = user !== undefined
  const text = `${SERVICE_HEAD}
[Unit]
Description=Cairn, a node of a storage grid
${isSystem ? 'Wants=network-online.target\nAfter=network-online.target\n' : ''}
[Service]
Type=exec
${isSystem ? `User=${oneLine(user)}\nGroup=${oneLine(user)}\n` : ''}ExecStart=${command.map(argument).join(' ')}
Environment=NODE_ENV=production
# SIGTERM: nothing new is taken, what runs gets five seconds, and it ends with 0.
KillSignal=SIGTERM
TimeoutStopSec=30
Restart=on-failure
RestartSec=5
# A broken configuration, and a home or port that another process holds, do not mend by themselves.
RestartPreventExitStatus=2 9
# Connections, and shares that are held open.
LimitNOFILE=65536
UMask=0077

NoNewPrivileges=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
${isSystem ? systemProtection(home) : ''}
[Install]
WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}
`
  return { fileName: SERVICE_NAME, text }
}

/** What only the machine's systemd can do without a user namespace. */
function systemProtection(home: string): string {
  return `CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=${quoted(home)}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
`
}

/** What turns it on, and what undoes it. @param folder where the unit is */
export function serviceCommands(isSystem: boolean, folder: string): SystemdCommands {
  const systemctl = ['systemctl', ...(isSystem ? [] : ['--user'])]
  return {
    enable: [
      [...systemctl, 'daemon-reload'],
      [...systemctl, 'enable', '--now', SERVICE_NAME],
    ],
    undo: [
      [...systemctl, 'disable', '--now', SERVICE_NAME],
      ['rm', `${folder}/${SERVICE_NAME}`],
      [...systemctl, 'daemon-reload'],
    ],
  }
}
