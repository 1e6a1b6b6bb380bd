import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Heavy suites (simulation, end to end, browser, fuzz) run as scripts of their own; see package.json.
export default defineConfig({
  test: {
    include: ['test/{crypto,node,gateway,cli,deploy}/**/*.test.ts', 'test/*.test.ts'],
    testTimeout: 30_000,
    // Vitest leaves a core free: of two that is half.
    maxWorkers: availableParallelism(),
  },
})
