import { defineConfig } from 'vitest/config'

// Real processes by the dozen: one file at a time, and time enough for a busy machine.
export default defineConfig({
  test: {
    include: ['test/e2e/{cli,fire}/*.test.ts'],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
})
