/** A bench thread in Node. */
import { parentPort } from 'node:worker_threads'
import { createBench } from './measure.ts'

const bench = createBench()
parentPort?.on('message', async (request) => parentPort?.postMessage(await bench(request)))
