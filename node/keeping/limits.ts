/** Every bound of the keeping, named, with its reason. */

/** One look at every server in such a time counts, however often it is asked: then `answered / asked` is an uptime. */
export const OBSERVATION_SECONDS = 3600
/** Looks that a record remembers: a year of hours. Beyond, both counts are halved, so that old years fade. */
export const OBSERVATIONS_REMEMBERED_MAX = 8760
/** Servers that a home keeps records of: those of the largest roster, and as many that have gone; 800 KB on disk. */
export const SERVER_RECORDS_MAX = 8192
/** What was newly noted of servers waits so long before it is written down. */
export const SERVER_RECORDS_SAVE_MILLISECONDS = 60_000
