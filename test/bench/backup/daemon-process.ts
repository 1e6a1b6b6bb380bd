/** `cairn run` of one home. */
import { CairnProcess, type Ended } from '../../support/cairn-process.ts'

export class DaemonProcess implements AsyncDisposable {
  readonly #process: CairnProcess

  private constructor(home: string) {
    this.#process = new CairnProcess(['run', '--home', home])
  }

  /** Ready on return. */
  static async start(home: string): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(home)
    await daemon.#process.firstLine()
    return daemon
  }

  /** May be called again. */
  stop(): Promise<Ended> {
    this.#process.child.kill('SIGINT')
    return this.#process.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
