/** A bench thread in a page. */
import { createBench } from './measure.ts'

const bench = createBench()
self.onmessage = async ({ data }) => self.postMessage(await bench(data))
