/** Every bound in the node, named, with its reason. Documents print some of them; a test compares. */

// Storage

/** A lease lasts a month and a little: a keeper that was away for four weeks loses nothing. */
export const LEASE_DURATION_DEFAULT_SECONDS = 31 * 24 * 3600
/** Nobody books a server for more than a year ahead. */
export const LEASE_DURATION_MAX_SECONDS = 366 * 24 * 3600
/** One frame of lease updates stays near 100 KB. */
export const LEASE_UPDATES_MAX = 1024
/** One frame of queries stays near 20 KB. */
export const LIST_QUERIES_MAX = 256
/** All shares of one file, and room for a second file that squats the index; the rest needs a query by root. */
export const LISTED_SHARES_MAX = 512
/** Incoming shares of one account at a time, so that nobody fills the disk with halves: 8 files of n = 32 on one server. */
export const OPEN_WRITES_PER_ACCOUNT_MAX = 256
/** An incoming share nobody has written to for so long is dropped. */
export const OPEN_WRITE_IDLE_SECONDS = 3600
