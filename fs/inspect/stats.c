/* The table of what is counted, and the snapshot it points into. See stats.h. */
#include "inspect/stats.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the table -------------------------------------------------------------------------------- */

#define OF_STATS(member) offsetof(struct stats, member)
#define OF_LAYER(member) offsetof(struct layer_stats, member)

static const struct stats_row cache_rows[] = {
	{ "uptime_s", "uptime_seconds", STATS_GAUGE, STATS_SECONDS_MS, OF_STATS(uptime_ms),
	  "Time since the daemon started." },
	{ "gets", "gets", STATS_COUNTER, STATS_U64, OF_STATS(cache.gets),
	  "Gets of the cache as a whole." },
	{ "hits", "hits", STATS_COUNTER, STATS_U64, OF_STATS(cache.hits),
	  "Gets that some layer answered." },
	{ "misses", "misses", STATS_COUNTER, STATS_U64, OF_STATS(cache.misses),
	  "Gets that no layer answered." },
	{ "sets", "sets", STATS_COUNTER, STATS_U64, OF_STATS(cache.sets), "Published values." },
	{ "failed_sets", "failed_sets", STATS_COUNTER, STATS_U64, OF_STATS(cache.failed_sets),
	  "Sets that could not be stored." },
	{ "unkept_sets", "unkept_sets", STATS_COUNTER, STATS_U64, OF_STATS(cache.unkept_sets),
	  "Sets that no layer keeps after the daemon's end (on_error serve)." },
	{ "invalidations", "invalidations", STATS_COUNTER, STATS_U64, OF_STATS(cache.invalidations),
	  "Removed keys and prefixes." },
	{ 0 },
};

const struct stats_row stats_layer_rows[] = {
	{ "gets", "layer_gets", STATS_COUNTER, STATS_U64, OF_LAYER(gets), "Gets of a layer." },
	{ "hits", "layer_hits", STATS_COUNTER, STATS_U64, OF_LAYER(hits),
	  "Gets that the layer answered." },
	{ "misses", "layer_misses", STATS_COUNTER, STATS_U64, OF_LAYER(misses),
	  "Gets that the layer passed on." },
	{ "sets", "layer_sets", STATS_COUNTER, STATS_U64, OF_LAYER(sets),
	  "Values given to the layer." },
	{ "invalidations", "layer_invalidations", STATS_COUNTER, STATS_U64, OF_LAYER(removes),
	  "Keys the layer was told to remove." },
	{ "errors", "layer_errors", STATS_COUNTER, STATS_U64, OF_LAYER(errors),
	  "Calls of the layer that failed." },
	{ "promotions", "layer_promotions", STATS_COUNTER, STATS_U64, OF_LAYER(promotions),
	  "Entries copied into the layer from a slower one." },
	{ "down", "layer_down", STATS_GAUGE, STATS_BOOL, OF_LAYER(usage.down),
	  "Whether the layer answers nothing now." },
	{ "tombstones", "layer_tombstones", STATS_GAUGE, STATS_U64, OF_LAYER(tombstones),
	  "Changes the layer missed and has not been told yet." },
	{ "distrusted", "layer_distrusted", STATS_GAUGE, STATS_BOOL, OF_LAYER(distrusted),
	  "Whether nothing in the layer is believed until it is cleared." },
	{ "evictions", "layer_evictions", STATS_COUNTER, STATS_U64, OF_LAYER(usage.evictions),
	  "Entries dropped for lack of room." },
	{ "expiries", "layer_expiries", STATS_COUNTER, STATS_U64, OF_LAYER(usage.expiries),
	  "Entries dropped because their time was over." },
	{ "entries", "layer_entries", STATS_GAUGE, STATS_U64, OF_LAYER(usage.entries),
	  "Entries in the layer." },
	{ "bytes", "layer_bytes", STATS_GAUGE, STATS_U64, OF_LAYER(usage.bytes),
	  "Size of the layer, as its limit counts it." },
	{ "max_entries", "layer_max_entries", STATS_GAUGE, STATS_LIMIT, OF_LAYER(usage.max_entries),
	  "Limit of the layer's entries." },
	{ "max_bytes", "layer_max_bytes", STATS_GAUGE, STATS_LIMIT, OF_LAYER(usage.max_bytes),
	  "Limit of the layer's bytes." },
	{ 0 },
};

static const struct stats_row journal_rows[] = {
	{ "active", "journal_active", STATS_GAUGE, STATS_BOOL, OF_STATS(cache.journal.active),
	  "Whether sets are written to slower layers later." },
	{ "entries", "journal_entries", STATS_GAUGE, STATS_U64, OF_STATS(cache.journal.entries),
	  "Acknowledged changes that slower layers do not have yet." },
	{ "bytes", "journal_bytes", STATS_GAUGE, STATS_U64, OF_STATS(cache.journal.bytes),
	  "Size of the journal." },
	{ "max_bytes", "journal_max_bytes", STATS_GAUGE, STATS_LIMIT,
	  OF_STATS(cache.journal.max_bytes), "Limit of the journal." },
	{ "oldest_s", "journal_oldest_seconds", STATS_GAUGE, STATS_SECONDS_MS,
	  OF_STATS(cache.journal.oldest_ms), "Age of the oldest entry of the journal." },
	{ "drained", "journal_drained", STATS_COUNTER, STATS_U64, OF_STATS(cache.journal.drained),
	  "Entries of the journal written to slower layers." },
	{ "failures", "journal_failures", STATS_COUNTER, STATS_U64,
	  OF_STATS(cache.journal.failures), "Attempts to write an entry that failed." },
	{ "damaged", "journal_damaged", STATS_GAUGE, STATS_U64, OF_STATS(cache.journal.damaged),
	  "Rows of the journal that were set aside as damaged." },
	{ 0 },
};

static const struct stats_row fuse_rows[] = {
	{ "requests", "requests", STATS_COUNTER, STATS_U64, OF_STATS(requests.all),
	  "Requests of the kernel." },
	{ "opens_retried", "opens_retried", STATS_COUNTER, STATS_U64, OF_STATS(opens_retried),
	  "Opens that the kernel had to try again." },
	{ "killed_writers", "killed_writers", STATS_COUNTER, STATS_U64, OF_STATS(killed_writers),
	  "Writers whose content was dropped because a signal ended them." },
	{ 0 },
};

static const struct stats_row wait_rows[] = {
	{ "handovers", "handovers", STATS_COUNTER, STATS_U64, OF_STATS(requests.handovers),
	  "Requests that waited and let another thread serve on." },
	{ "waiting", "waiting_requests", STATS_GAUGE, STATS_UNSIGNED, OF_STATS(requests.waiting),
	  "Requests that wait now." },
	{ "locks", "waiting_locks", STATS_GAUGE, STATS_UNSIGNED, OF_STATS(lock_waits),
	  "Locks that are waited for now." },
	{ "threads", "threads", STATS_GAUGE, STATS_UNSIGNED, OF_STATS(requests.threads),
	  "Threads that serve requests." },
	{ 0 },
};

static const struct stats_row notification_rows[] = {
	{ "entries", "notified_entries", STATS_COUNTER, STATS_U64, OF_STATS(notifier.entries),
	  "Names the kernel was told to forget." },
	{ "epochs", "notified_epochs", STATS_COUNTER, STATS_U64, OF_STATS(notifier.epochs),
	  "Times the kernel was told to forget all names." },
	{ "overflows", "notification_overflows", STATS_COUNTER, STATS_U64,
	  OF_STATS(notifier.overflows), "Times the queue of notifications was full." },
	{ "errors", "notification_errors", STATS_COUNTER, STATS_U64, OF_STATS(notifier.errors),
	  "Notifications that the kernel refused." },
	{ "queued", "queued_notifications", STATS_GAUGE, STATS_U64, OF_STATS(notifier.queued),
	  "Notifications not delivered yet." },
	{ "epoch_supported", "epoch_supported", STATS_GAUGE, STATS_BOOL,
	  OF_STATS(notifier.epoch_supported), "Whether the kernel can forget all names at once." },
	{ 0 },
};

static const struct stats_row memory_rows[] = {
	{ "inodes", "inodes", STATS_GAUGE, STATS_U64, OF_STATS(inodes), "Inodes in memory." },
	{ "names", "names", STATS_GAUGE, STATS_U64, OF_STATS(names), "Names in memory." },
	{ "handles", "handles", STATS_GAUGE, STATS_U64, OF_STATS(handles), "Open files." },
	{ "pending_bytes", "pending_bytes", STATS_GAUGE, STATS_U64, OF_STATS(unowned.pending_bytes),
	  "Unpublished content." },
	{ "scratch_files", "scratch_files", STATS_GAUGE, STATS_U64, OF_STATS(scratch_files),
	  "Files under temporary names." },
	{ "rss_anon_bytes", "rss_anon_bytes", STATS_GAUGE, STATS_LIMIT, OF_STATS(rss_anon_bytes),
	  "Resident anonymous memory of the daemon." },
	{ 0 },
};

/* What is in no layer; pending_bytes and scratch_files are beside memory_rows. */
static const struct stats_row unowned_rows[] = {
	{ "bytes", "unowned_bytes", STATS_GAUGE, STATS_U64, OF_STATS(unowned_bytes),
	  "Bytes that belong to no layer." },
	{ "pending_bytes", "unowned_pending_bytes", STATS_GAUGE, STATS_U64,
	  OF_STATS(unowned.pending_bytes), "Of them, unpublished content, temporary files too." },
	{ "pending_max_bytes", "pending_max_bytes", STATS_GAUGE, STATS_U64,
	  OF_STATS(unowned.pending_max), "Limit of unpublished content." },
	{ "scratch_bytes", "scratch_bytes", STATS_GAUGE, STATS_U64, OF_STATS(unowned.scratch_bytes),
	  "Size of the temporary files that nobody writes." },
	{ "unlinked_bytes", "unlinked_bytes", STATS_GAUGE, STATS_U64,
	  OF_STATS(unowned.unlinked_bytes), "Values that are open and were removed or replaced." },
	{ "synced_bytes", "unowned_synced_bytes", STATS_GAUGE, STATS_U64,
	  OF_STATS(unowned.synced_bytes), "What fsync wrote of temporary files." },
	{ "journal_bytes", "unowned_journal_bytes", STATS_GAUGE, STATS_U64,
	  OF_STATS(unowned.journal_bytes), "Sets that are in the journal only." },
	{ "scratch_stored", "scratch_stored", STATS_COUNTER, STATS_U64, OF_STATS(scratch_stored),
	  "Temporary files that became entries." },
	{ "scratch_dropped", "scratch_dropped", STATS_COUNTER, STATS_U64, OF_STATS(scratch_dropped),
	  "Temporary files that were dropped, for there was no room and no layer took them." },
	{ 0 },
};

const struct stats_group stats_groups[] = {
	{ NULL, cache_rows },
	{ "journal", journal_rows },
	{ "fuse", fuse_rows },
	{ "waits", wait_rows },
	{ "notifications", notification_rows },
	{ "memory", memory_rows },
	{ "unowned", unowned_rows },
	{ 0 },
};

double stats_number(const struct stats_row *row, const void *base)
{
	const void *at = (const char *)base + row->offset;

	switch (row->form) {
	case STATS_UNSIGNED:
		return *(const unsigned *)at;
	case STATS_BOOL:
		return *(const bool *)at ? 1 : 0;
	case STATS_SECONDS_MS:
		return (double)*(const int64_t *)at / 1000;
	case STATS_U64:
	case STATS_LIMIT:
	default:
		return (double)*(const uint64_t *)at;
	}
}

uint64_t stats_calls(const struct layer_calls *calls)
{
	uint64_t sum = 0;

	for (int i = 0; i < LAYER_LATENCIES; i++)
		sum += calls->by_latency[i];
	return sum;
}

/* --- the snapshot ----------------------------------------------------------------------------- */

static uint64_t rss_anon_bytes(void)
{
	unsigned long long kb = 0;
	char line[256];
	FILE *status = fopen("/proc/self/status", "re");

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "RssAnon: %llu kB", &kb) == 1)
			break;
	if (status)
		fclose(status);
	return (uint64_t)kb * 1024;
}

int stats_read(struct fs *fs, struct stats *s)
{
	struct inodes *t = &fs->inodes;

	*s = (struct stats){
		.uptime_ms = time_mono_ms(fs->time) - fs->started_ms,
		.opens_retried = atomic_load(&fs->opens_stale),
		.killed_writers = atomic_load(&fs->killed_writers),
		.lock_waits = file_locks_waits(fs->locks),
		.rss_anon_bytes = rss_anon_bytes(),
	};
	inodes_lock(t);
	s->inodes = t->inode_count;
	s->names = t->name_count;
	s->handles = fs->handle_count;
	s->scratch_files = t->scratch_count;
	inodes_unlock(t);
	if (fs->requests) /* before this request waits itself, for what layers know of themselves */
		request_counts_read(fs->requests, &s->requests);
	unowned_read(fs, &s->unowned);
	s->unowned_bytes = unowned_bytes(&s->unowned);
	s->scratch_stored = atomic_load(&fs->rest.stored);
	s->scratch_dropped = atomic_load(&fs->rest.dropped);
	if (fs->notifier)
		notifier_stats(fs->notifier, &s->notifier);
	return layered_stats(fs->cache, &s->cache);
}

void stats_fini(struct stats *s)
{
	free(s->cache.layers);
	s->cache.layers = NULL;
}
