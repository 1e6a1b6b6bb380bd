/** Finds the npm package's WASM file on disk. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type NpmOracle, oracleFrom } from './npm-oracle.ts'

export async function npmOracleBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const entry = createRequire(import.meta.url).resolve('@subspace/reed-solomon-erasure.wasm')
  return new Uint8Array(await readFile(join(dirname(entry), 'reed_solomon_erasure_bg.wasm')))
}

export async function openNpmOracle(): Promise<NpmOracle> {
  return oracleFrom(await npmOracleBytes())
}
