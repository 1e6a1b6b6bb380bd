/** The erasure code (FORMAT §6): `openCodec` and the interface it gives. */
export {
  BLOCK_UNIT_BYTES,
  type ErasureCodec,
  type ErasureParameters,
  LAYOUT,
  type LayoutId,
  MATRIX,
  type MatrixId,
} from './code.ts'
export { openCodec } from './open.ts'
