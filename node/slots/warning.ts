/** What a reader of a slot should hear, though it was read. */
export interface SlotWarning {
  /**
   * `rollback`: the newest record found is older than one that was seen before. `fork`: two records of one sequence
   * are signed. `partial`: fewer servers than a quorum answered, so the value may be out of date. `unsettled`: the
   * newest record stands on fewer servers than a quorum; whoever writes next settles it.
   */
  readonly kind: 'rollback' | 'fork' | 'partial' | 'unsettled'
  /** One line for people, without keys. */
  readonly message: string
}
