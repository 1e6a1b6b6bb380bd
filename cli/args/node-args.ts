/** Command lines about one node: init, run, status, grid. */
import type { Command } from 'commander'
import type { HomeArgs } from '../invocation.ts'
import { UsageError } from '../usage-error.ts'
import { commonOf, type Done, numbersOf, Values, withCommon, withNumbers } from './values.ts'

export function addInit(command: Command, done: Done): void {
  withHome(command)
    .option('--name <name>', 'what the members of the grid call this machine (default: founder)')
    .option('--open', 'an open grid: no founder and no certificates, whoever reaches a node may use it')
    .option('--bootstrap <address...>', 'multiaddrs of nodes of an open grid to learn it from')
    .option('--kit <file>', 'a home that restores, from a recovery kit, or - for standard input')
    .action((options: unknown) => {
      const values = new Values(options)
      const bootstrap = values.list('bootstrap')
      const open = values.flag('open') || bootstrap.length > 0
      const [name, kit] = [values.text('name'), values.text('kit')]
      done({ verb: 'init', ...homeOf(values), name, open, bootstrap, kit })
    })
}

/** For each command that makes a home. */
export function withHome(command: Command): Command {
  return withNumbers(withCommon(command))
    .option('--lend <size>', 'space lent to the grid, such as "200 GiB" (default: none, a client only)')
    .option('--reserve <size>', 'space of the disk that is left alone (default: 1 GiB)')
    .option('--quota <size>', 'what one account may store here (default: what its certificate says)')
    .option('--listen <address...>', 'multiaddrs to listen on (default: /ip4/127.0.0.1/tcp/0)')
    .option('--announce <address...>', 'multiaddrs to tell others instead')
    .option('--owner <name>', 'whose machine this is, for spreading shares over owners')
    .option('--site <name>', 'where it stands, for spreading shares over places')
    .option('--run', 'then run the node, as cairn run does')
}

export function homeOf(values: Values): HomeArgs {
  return {
    ...commonOf(values),
    ...numbersOf(values),
    lend: values.text('lend'),
    reserve: values.text('reserve'),
    quota: values.text('quota'),
    listen: values.list('listen'),
    announce: values.list('announce'),
    owner: values.text('owner'),
    site: values.text('site'),
    run: values.flag('run'),
  }
}

export function addRun(command: Command, done: Done): void {
  withCommon(command)
    .option('--stop-with-stdin', 'stop when standard input ends, as when a parent process is killed')
    .option('--install-service', 'have systemd run it from now on: by root for the machine, else for you')
    .option('--service-user <user>', 'with --install-service, by root: whom it runs as (default: root)')
    .option('--print', 'with --install-service: only show the unit')
    .action((options: unknown) => {
      const values = new Values(options)
      const installService = values.flag('installService')
      const serviceUser = values.text('serviceUser')
      const print = values.flag('print')
      if (!installService && (print || serviceUser !== undefined)) {
        throw new UsageError(`${print ? '--print' : '--service-user'} goes with --install-service`)
      }
      const stopWithStdin = values.flag('stopWithStdin')
      done({ verb: 'run', ...commonOf(values), stopWithStdin, installService, serviceUser, print })
    })
}

export function addGrid(command: Command, done: Done): void {
  withNumbers(withCommon(command))
    .requiredOption('--dir <dir>', 'folder of the grid: server-1 …, client; made if it is missing')
    .option('--servers <count>', 'how many servers (default: as many as the folder has, or 10)')
    .option('--lend <size>', 'space lent by each new server (default: 10 GiB)')
    .option('--open', 'in a new folder: an open grid, without members')
    .action((options: unknown) => {
      const values = new Values(options)
      done({
        verb: 'grid',
        ...commonOf(values),
        ...numbersOf(values),
        servers: values.whole('servers'),
        dir: values.text('dir') ?? '',
        lend: values.text('lend'),
        open: values.flag('open'),
      })
    })
}

export function addStatus(command: Command, done: Done): void {
  withCommon(command)
    .option('--roots', 'how safe all files are below everything that has an alias: asks for each of them')
    .action((options: unknown) => {
      const values = new Values(options)
      done({ verb: 'status', roots: values.flag('roots'), ...commonOf(values) })
    })
}
