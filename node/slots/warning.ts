/** What a reader of a slot should hear, though it was read. */
export interface SlotWarning {
  /**
   * `rollback`: the newest record found is older than one that was seen before. `fork`: two records of one sequence
   * are signed. `partial`: fewer servers than a quorum answered, so the value may be out of date. `unsettled`: the
   * newest record stands on fewer servers than a quorum; whoever writes next settles it. `broken-links`: whoever wrote
   * it did not keep to the format, and upkeep does not reach what lies below.
   */
  readonly kind: 'rollback' | 'fork' | 'partial' | 'unsettled' | 'broken-links'
  /** One line for people, without keys. */
  readonly message: string
}
