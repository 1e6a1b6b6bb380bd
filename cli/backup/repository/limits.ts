/** Every bound of a repository of backups that is no matter of its formats, with its reason. */

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A pack takes no more once it has so much: a session holds a few on disk, and a repack moves one. */
export const PACK_CLOSE_BYTES = 32 * 1024 * 1024
/** Packs that are sent at a time: one while the other waits for its servers to sync. */
export const PACKS_IN_FLIGHT_MAX = 2
/** Packs that stand on the grid and are not linked yet. What a lost home forgets, and has to send again. */
export const PACKS_UNLINKED_MAX = 8
/** Packs of a host with a drop-box that are in no drop yet. */
export const PACKS_UNDROPPED_MAX = 4
/** A host with a drop-box sends again what it dropped so long ago and no snapshot came of: the owner may prune it. */
export const SENT_UNPUBLISHED_MILLISECONDS = 5 * DAY
/** How far the clock of a host with a drop-box may be ahead. */
export const SNAPSHOT_AHEAD_MAX_MILLISECONDS = DAY
/** A pack that finds too few servers is put again after so long, and twice as long each time: a minute in all. */
export const PAUSE_FIRST_MILLISECONDS = 2_000
export const TRIES_MAX = 6
/** Blobs of one content that are compressed and put at a time. */
export const BLOBS_IN_FLIGHT_MAX = 4
/** Blobs that are compressed at a time, by the threads of the process. */
export const COMPRESSIONS_IN_FLIGHT_MAX = 4
/** Smaller blobs are compressed at once: the way to another thread and back costs more. */
export const COMPRESS_AT_ONCE_BYTES = 16 * 1024

/** Of files that are read: a pack is fetched in runs of whole segments. */
export const RUN_SIZE_BYTES = 1024 * 1024
/** Runs kept in memory: packs are read nearly in order, several at a time. */
export const RUNS_KEPT_MAX = 48
/** Runs fetched at once when a pack is read on and on. */
export const RUNS_AHEAD_MAX = 8
/** Blobs of one content that are fetched ahead of their reader; each has at most 4 MiB. */
export const BLOBS_AHEAD_MAX = 4

/** Blobs of trees that a home keeps, as they are stored: those of some million files. */
export const TREES_KEPT_MAX_BYTES = 256 * 1024 * 1024
/** `data/` is not listed again for every blob that is missed: a damaged repository may miss many. */
export const LOOK_AGAIN_MILLISECONDS = MINUTE
/** Operations in one batch of the cache. */
export const CACHE_BATCH_MAX = 1000
/** Tables and records that are fetched side by side. */
export const FETCHES_IN_FLIGHT_MAX = 4

/** Folders that a walk over snapshots is in at a time; each holds a blob of its tree, and those read ahead. */
export const TREES_WALKED_AT_ONCE_MAX = 8

/** Packs that were linked so short a time ago may be wanted by a backup that is not finished. */
export const KEEP_UNFINISHED_MILLISECONDS = 7 * DAY
/** A pack is worth moving if it is half waste: what is moved is then at most what is freed. */
export const REPACK_BELOW_SHARE = 0.5
/** A snapshot that was announced so long ago and has not got its name is given up: whoever announced it has died. */
export const PENDING_MAX_MILLISECONDS = 6 * HOUR
/** A prune that has not ended so long after it took packs out has died, and what it took out is put back. */
export const FREEING_MAX_MILLISECONDS = 6 * HOUR
/** Small index files that a prune leaves as they are: each is one more to fetch for a home that has lost its cache. */
export const SMALL_INDEXES_MAX = 32
/** Records of what was freed are of no use once all leases have run out, which takes half as long. */
export const FREED_KEPT_MILLISECONDS = 62 * DAY
