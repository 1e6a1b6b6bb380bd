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
/** Incoming shares of one account at a time, so that nobody fills the disk with halves: 8 files of n = 32. */
export const OPEN_WRITES_PER_ACCOUNT_MAX = 256
/** An incoming share nobody has written to for so long is dropped. */
export const OPEN_WRITE_IDLE_SECONDS = 3600
/** Incoming shares of all accounts together: each may hold a file handle and 64 KiB of memory. */
export const OPEN_WRITES_MAX = 2048
/** Visible shares held open for reading: each holds a file handle and up to 76 KiB of memory. */
export const OPEN_SHARES_MAX = 128
/** The disk is asked how much it has no oftener; between, the server counts for itself. */
export const DISK_FREE_AGE_MILLISECONDS = 1000
/** Idle incoming shares are looked for this often. */
export const STORAGE_TEND_SECONDS = 60
/**
 * Accounts whose use is counted over time: twice the members of the largest grid, 2 MB in memory. It is kept as often
 * as the storage is tended, so a crash loses a minute of it.
 */
export const ACCOUNT_RECORDS_MAX = 16_384
/** Accounts that a status lists, those that use most first. */
export const STATUS_ACCOUNTS_MAX = 1024
/** Expired leases are collected this often: a share may outlive its lease by so long. */
export const COLLECT_SECONDS = 3600
/** Above this a share is a file always: level writes a record several times over while it compacts. */
export const SMALL_SHARE_LIMIT_BYTES = 16 * 1024
/** Slots read in one call: a reply has at most 1 MiB. */
export const SLOT_READS_MAX = 16
/** Folders read at a time while the index is compared with the share files. */
export const WALK_IN_FLIGHT_MAX = 16
/** Lease updates of one call carried out at a time; their commits meet in few batches. */
export const LEASE_UPDATES_IN_FLIGHT_MAX = 64

// Whole-file work

/** Segments of one file in flight: enough to keep disks, wire and coding busy at once. */
export const SEGMENTS_IN_FLIGHT_MAX = 4
/** Bytes of encoded segments in flight for one file; rules where n/k is large, down to one segment. */
export const TRANSFER_MEMORY_MAX_BYTES = 48 * 1024 * 1024
/** A server that has not answered a small question by then is passed over. */
export const ANSWER_SECONDS = 10
/** A server that has not taken or given a block by then is passed over: 4 MiB at 1 Mbit/s. */
export const BLOCK_ANSWER_SECONDS = 40
/** Making a large share durable may take a slow disk a while. */
export const FINISH_ANSWER_SECONDS = 120
/** Servers asked at a time for what they hold. */
export const LOCATE_IN_FLIGHT_MAX = 20
/** Servers that are asked first, for a block as well: k of the usual 3, and one that may be slow or have none. */
export const OPEN_FIRST_SERVERS = 4
/** How far along the ring, in multiples of n, a reader looks before k shares are enough for it. */
export const LOCATE_RING_FACTOR = 2
/** A block that is later than so many times the usual is asked of another server too. */
export const HEDGE_FACTOR = 4
/** But not sooner than this: below it, jitter would double the traffic. */
export const HEDGE_MIN_MILLISECONDS = 250
/** A file that changes under a convergent put is begun anew so often. */
export const CONVERGENT_TRIES_MAX = 3
/** Shares verified at a time; each has SEGMENTS_IN_FLIGHT_MAX blocks in flight. */
export const VERIFY_IN_FLIGHT_MAX = 10

// Slots

/** Servers that a record is on: as many as shares. */
export const SLOT_REPLICAS_MAX = 255
/** A slower server is not waited for when the others took a tenth of that; by then it is a straggler. */
export const SLOT_STRAGGLER_FACTOR = 10
/** But so long it is: below it, jitter would leave readings unfinished. */
export const SLOT_STRAGGLER_MIN_MILLISECONDS = 50
/** Once a quorum took a record, the others get as long again, and at least so long. */
export const SLOT_GRACE_MIN_MILLISECONDS = 5
/** Records that one reading brings to one server: each time somebody has written anew meanwhile. */
export const SLOT_SETTLE_TRIES_MAX = 4
/** Attempts of one update. Of two writers who race each wins half of the time. */
export const SLOT_UPDATE_TRIES_MAX = 40
/** After an attempt that lost a writer pauses by lot, for up to the one at first, twice as long each time. */
export const SLOT_PAUSE_LEAST_MILLISECONDS = 5
export const SLOT_PAUSE_MOST_MILLISECONDS = 1000
/** Slots whose newest record is remembered: 5 MB on disk. */
export const SLOTS_SEEN_MAX = 65_536
/** What was newly seen of slots waits so long before it is written down. */
export const SLOTS_SEEN_SAVE_MILLISECONDS = 5_000
/** Between two looks whether another process has written it down; a second in all, which is a slow disk's time. */
export const SLOTS_SEEN_WAIT_MILLISECONDS = 50
export const SLOTS_SEEN_WAITS_MAX = 20

// Node

/** `status` waits so long for each server: a person looks on. */
export const STATUS_ANSWER_SECONDS = 5
/** Once nobody is known, each bootstrap address gets so long to say why. */
export const BOOTSTRAP_DIAGNOSIS_SECONDS = 5
/**
 * A daemon that is told to stop gives what runs so long to finish: below the ten seconds after which Docker, and the
 * parent of a local grid, kill it.
 */
export const STOP_SECONDS = 5
/** How often to look whether it has. */
export const STOP_LOOK_MILLISECONDS = 20
/** How often to look whether enough servers are known. */
export const SERVERS_POLL_MILLISECONDS = 20

// Network

/** Peers a node is connected to at once; a grid of a few hundred servers is fully connected, a larger one by need. */
export const CONNECTIONS_MAX = 1024
/** From one address: a whole grid on one machine, or behind one NAT, starts at once. */
export const NEW_CONNECTIONS_PER_SECOND_MAX = 1000
/** Handshakes in progress. */
export const PENDING_CONNECTIONS_MAX = 256
/** To reach a peer by all its addresses, or to open a channel to it. */
export const CONNECT_MILLISECONDS = 10_000
/** Channels of one protocol on one connection, each way: twice what a client keeps. */
export const CHANNELS_PER_PEER_MAX = 16
/** What a peer may send ahead of us on one channel: 80 MB/s over 8 channels at 100 ms. */
export const CHANNEL_WINDOW_MAX_BYTES = 1024 * 1024
/** Bytes that a TLS session hands on together: more than the kernel mostly has at once. */
export const TLS_GATHER_BYTES = 256 * 1024
/** Bytes read from the transport ahead of a channel's reader; the peer may have sent one window more. */
export const CHANNEL_READ_AHEAD_BYTES = 512 * 1024
/** Bytes that a channel's write leaves waiting in the transport when it returns. */
export const CHANNEL_WRITE_BEHIND_BYTES = 64 * 1024
/**
 * What all channels together write in one turn of the event loop, but for the last write of it: some 2 ms of
 * encrypting and of the kernel's work. The blocks of a segment for ten servers are several times that.
 */
export const CHANNELS_TURN_BYTES = 512 * 1024
/** For the last bytes of a channel to leave, or its peer to finish. */
export const CHANNEL_CLOSE_MILLISECONDS = 10_000

// Wire (PROTOCOL §4)

/** A message's header: 1,024 lease updates or a manifest fit three times over. */
export const WIRE_HEADER_MAX_BYTES = 256 * 1024
/** A message's payload: the largest block there is, one share of one (k = 1) of a segment of 4 MiB, in units of 512. */
export const WIRE_PAYLOAD_MAX_BYTES = 4 * 1024 * 1024 + 512
/** Queries in one list message; a longer list goes out in several, so that a reply stays below the payload's limit. */
export const WIRE_LIST_QUERIES_MAX = 64
/** Shares in one `write-whole`: as many as a server's commit joins anyway. */
export const WIRE_WHOLE_SHARES_MAX = 64
/** Records in one `slot-write`: a request and the reply that refuses all of them have at most 1 MiB. */
export const WIRE_SLOT_WRITES_MAX = 16
/** What the weighing of channels takes a slot's record for, before it is known. */
export const WIRE_EXPECTED_RECORD_BYTES = 4096
/** Files in one `open`. */
export const WIRE_OPEN_QUERIES_MAX = 64
/** Manifests and proofs in its reply: with the shares of all files, 255 of 9 bytes each, they fit a header. */
export const WIRE_OPEN_HEADER_BYTES_MAX = 80 * 1024
/** Proof of one leaf among SEGMENT_COUNT_MAX: 24 nodes. */
export const WIRE_PROOF_MAX_BYTES = 24 * 32
/** Text of an error on the wire, in UTF-16 units: for people. */
export const WIRE_ERROR_TEXT_MAX = 1024
/** Entries of an error's details on the wire. */
export const WIRE_ERROR_DETAILS_MAX = 16
/** Channels a client keeps to one server: one write or read then seldom waits behind another's disk. */
export const WIRE_CHANNELS_PER_SERVER_MAX = 8
/** Requests on one channel that no reply has come for. */
export const WIRE_OUTSTANDING_REQUESTS_MAX = 64
/** Their bytes; a single larger request still goes out alone. */
export const WIRE_OUTSTANDING_BYTES_MAX = 8 * 1024 * 1024
/** Calls that wait for room on one channel; beyond it a caller hears BusyError. */
export const WIRE_WAITING_CALLS_MAX = 4096
/** Batches of one kind to one server at a time: one more than a slow one; what comes meanwhile makes the next. */
export const WIRE_BATCHES_IN_FLIGHT_MAX = 2
/** Small requests that wait together go out in one write of up to so much. */
export const WIRE_GATHER_BYTES = 64 * 1024
/** Replies within small writes that a server holds back to send them with the next one. */
export const WIRE_HELD_REPLIES_MAX = 16
/** A larger part goes out in several writes, each of which counts as movement. */
export const WIRE_SLICE_BYTES = 512 * 1024
/** What the weighing of channels takes a block's reply for, before it is known. */
export const WIRE_EXPECTED_BLOCK_BYTES = 384 * 1024
/** Writes begun and not finished on one channel of a server. */
export const WIRE_OPEN_WRITES_PER_CHANNEL_MAX = 64
/** Bytes of requests, read or being carried out, that a server holds for all its peers. */
export const WIRE_SERVER_REQUEST_BYTES_MAX = 256 * 1024 * 1024
/** Of them, for one peer: two messages on each of its channels. */
export const WIRE_PEER_REQUEST_BYTES_MAX = 64 * 1024 * 1024
/** Bytes of replies, being read from disk or sent, that a server holds for all its peers. */
export const WIRE_SERVER_REPLY_BYTES_MAX = 256 * 1024 * 1024
/** Of them, for one peer. */
export const WIRE_PEER_REPLY_BYTES_MAX = 64 * 1024 * 1024
/** Payload buffers of a server that wait to be used again. */
export const WIRE_KEPT_BUFFER_BYTES_MAX = 32 * 1024 * 1024
/** Their sizes are whole multiples of this. */
export const WIRE_BUFFER_UNIT_BYTES = 64 * 1024
/** How often either side looks for channels that stand still. */
export const WIRE_TICK_MILLISECONDS = 5_000
/**
 * A channel on which nothing moves for so long while something is owed is broken off: the buffers of a line of 1
 * Mbit/s drain in 40 s.
 */
export const WIRE_STALL_MILLISECONDS = 60_000
/** A write on a channel that stood still for so long can be taken up on another one of the same peer. */
export const WIRE_TAKEOVER_MILLISECONDS = 10_000
/** A server that still works on a request says so this often, so that it is not taken for dead. */
export const WIRE_PENDING_MILLISECONDS = 10_000
/** A client closes a channel it has not used for so long. */
export const WIRE_CLIENT_IDLE_MILLISECONDS = 60_000
/** A server breaks off a channel without a request for so long. */
export const WIRE_SERVER_IDLE_MILLISECONDS = 600_000

// Roster (PROTOCOL §6)

/** One announcement, signature and all: 256 of them fit in 1 MiB. */
export const ANNOUNCEMENT_MAX_BYTES = 4096
export const ANNOUNCED_ADDRESSES_MAX = 16
export const ANNOUNCED_ADDRESS_LENGTH_MAX = 256
/** Owner, site and software version: names, not prose. */
export const ANNOUNCED_NAME_LENGTH_MAX = 64
/** A server that was not heard of for so long is not counted on. */
export const ANNOUNCEMENT_LIFETIME_SECONDS = 3 * 24 * 3600
/** Nobody binds others to remember it for longer. */
export const ANNOUNCEMENT_LIFETIME_MAX_SECONDS = 14 * 24 * 3600
/** How far a peer's clock may be ahead of ours. */
export const ANNOUNCEMENT_AHEAD_MAX_SECONDS = 24 * 3600
/** A server tells anew how much is free, and that it lives. */
export const ANNOUNCE_INTERVAL_MILLISECONDS = 30 * 60_000
/** Servers a node knows: 2 MB of announcements, and 10 ms to order them for one file. */
export const ROSTER_ENTRIES_MAX = 4096
/** Entries in one page of a comparison: 100 KB. */
export const ROSTER_COMPARED_MAX = 2048
/** Announcements in one message, in bytes: below the limit of a header. */
export const ROSTER_GIVEN_BYTES_MAX = 192 * 1024
/** Servers to which what is new is passed on: one node in three thousand (e^8) misses it until it next compares. */
export const ROSTER_FANOUT = 8
/** What is new waits so long for company before it is passed on. */
export const ROSTER_GATHER_MILLISECONDS = 50
/** Between two comparisons with a server drawn by lot: after a stranger turned up, doubling to the other. */
export const ROSTER_COMPARE_LEAST_MILLISECONDS = 250
export const ROSTER_COMPARE_MOST_MILLISECONDS = 60_000
/** Between attempts to reach a first server: from the one to the other, half as long again each time. */
export const BOOTSTRAP_RETRY_LEAST_MILLISECONDS = 500
export const BOOTSTRAP_RETRY_MOST_MILLISECONDS = 60_000
/** A whole conversation about the roster with one peer. */
export const ROSTER_TALK_MILLISECONDS = 20_000
/** Conversations at once that a node begins; beyond it what is new waits. */
export const ROSTER_TALKS_MAX = 64
/** Of them, with peers never met or failing: each may last until it times out, and must not hold up the others. */
export const ROSTER_DOUBTFUL_TALKS_MAX = 32
/** What is new in the roster waits so long before it is written down. */
export const ROSTER_SAVE_MILLISECONDS = 1_000

// Membership (PROTOCOL §12)

/** Certificates from the founder's key down to a member's: friends of friends of friends, and quick to check. */
export const CHAIN_LENGTH_MAX = 6
/** One certificate, signature and all: a name of 64 characters outside of Latin fits. */
export const CERTIFICATE_MAX_BYTES = 640
/** Roles of one member, and letters of each: there are two of each kind today. */
export const ROLES_MAX = 8
export const ROLE_LENGTH_MAX = 16
/** How long a certificate is honoured beyond its end: clocks of boxes that nobody looks at are minutes off. */
export const CLOCK_TOLERANCE_SECONDS = 600
/** Of a founder's own machine: its key is then put away, and nobody is there to sign for it. */
export const FOUNDER_CERTIFICATE_SECONDS = 10 * 365 * 24 * 3600
/** Of everybody else, renewed as long as somebody who may invite is met. */
export const CERTIFICATE_SECONDS = 365 * 24 * 3600
/** A certificate is renewed when so much of its time is left: months in which to meet somebody who may. */
export const RENEWAL_FRACTION = 1 / 3
/** And by nobody for less than such a part of it: each renewal is told to the whole grid. */
export const RENEWAL_GAIN_FRACTION_MIN = 1 / 10
/** Between two looks whether it is time to renew, and after a round in which nobody would. */
export const RENEWAL_INTERVAL_MILLISECONDS = 3600_000
/** Members asked in one round, the issuer first. */
export const RENEWAL_ASKED_MAX = 8
/** An expulsion with the chain that entitles to it. */
export const EXPULSION_MAX_BYTES = 4608
/** An announcement with the chain of its server. */
export const CERTIFIED_ANNOUNCEMENT_MAX_BYTES = 8192
/** Members a node knows, servers or not: 6 MB at a usual length. */
export const MEMBERS_MAX = 8192
/** Expelled keys, which are never forgotten: 4 MB. */
export const EXPULSIONS_MAX = 8192
/** A message of /cairn/membership/1 holds one chain. */
export const MEMBERSHIP_MESSAGE_MAX_BYTES = 8192
/** What a peer that is not admitted may send before it is told so. */
export const REFUSED_MESSAGE_MAX_BYTES = 64 * 1024
/** To exchange chains over a connection, to redeem or to renew. */
export const MEMBERSHIP_TALK_MILLISECONDS = 10_000
/** Links that were made here and are not used up or over; each costs a line in one file. */
export const INVITATIONS_MAX = 1024
/** How long a link can be redeemed, unless its maker says otherwise. */
export const INVITATION_SECONDS_DEFAULT = 7 * 24 * 3600
/** Nobody remembers after a year to whom a link was sent. */
export const INVITATION_SECONDS_MAX = 366 * 24 * 3600
/** Ways to the inviter in one link: more would make a QR code that phones cannot read. */
export const INVITATION_ADDRESSES_MAX = 4
export const INVITATION_ADDRESS_LENGTH_MAX = 128
/** The file of invitations: each a name, a few numbers and two hashes. */
export const INVITATIONS_FILE_MAX_BYTES = INVITATIONS_MAX * 1024
/** Another process has the file of invitations for a few milliseconds. */
export const INVITATIONS_LOCK_TRIES_MAX = 100
export const INVITATIONS_LOCK_WAIT_MILLISECONDS = 50
/** Servers told of an expulsion at a time. */
export const EXPULSION_TOLD_IN_FLIGHT_MAX = 32

// Directories

/** A root's entries beyond this go into the nodes below: the root is written to every replica at each change. */
export const ROOT_ENTRIES_MAX_BYTES = 12 * 1024
/** A leaf is cut above this: a share of it is then still a small one (SMALL_SHARE_LIMIT_BYTES) at 3 of 10. */
export const LEAF_MAX_BYTES = 40 * 1024
/** Leaves that are cut leave room to grow. */
export const LEAF_TARGET_BYTES = 28 * 1024
/** A leaf that has become smaller is written together with its neighbour. */
export const LEAF_MIN_BYTES = 8 * 1024
/** Pointers of one node: a root with so many, starts of 255 bytes each and full entries is still a record. */
export const NODE_POINTERS_MAX = 128
/** With leaves of a hundred entries and more, far more than anyone has; long chains can be forged. */
export const NODE_DEPTH_MAX = 8
/** Nodes of one directory read or written at a time. */
export const NODES_IN_FLIGHT_MAX = 8
/** Parsed nodes that a client keeps: some 30 MB. */
export const NODES_CACHED_MAX = 64
/** Records of directories that a client keeps as it left them: up to 64 KiB each. */
export const DIRECTORIES_CACHED_MAX = 256
/** Changes of one directory that are written together, of however many edits: some megabytes of leaves. */
export const CHANGES_TOGETHER_MAX = 8192
/** Subdirectories that a walk opens ahead. */
export const WALK_AHEAD_MAX = 8
/** Things that deep upkeep works on at a time: their messages to one server travel together. */
export const DEEP_IN_FLIGHT_MAX = 32
/** Things that deep upkeep remembers, so as to do each once: some 100 MB at most. Beyond, a file may be done twice. */
export const DEEP_SEEN_MAX = 1_000_000
