/** The thread of a scan: see scan.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { scan } from './scan.ts'

parentPort?.postMessage(scan(workerData))
