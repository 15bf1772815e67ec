/* See usage.h. */
#include "inspect/usage.h"

#include "verbs/unowned.h"

enum { BLOCK = 4096, ALWAYS_FREE_BLOCKS = 256 };

/*
 * What is used against the limit, with what belongs to no layer. A cache that is full evicts,
 * so there always is some space; but no more than the file system below has (*below, all zeros if
 * it is not known).
 */
static void show_limit(const struct layer_usage *usage, const struct statvfs *below,
		       struct statvfs *st)
{
	uint64_t used = (usage->bytes + BLOCK - 1) / BLOCK;
	uint64_t all = usage->max_bytes ? usage->max_bytes / BLOCK : used * 2 + (1u << 20);
	uint64_t spare = all > used ? all - used : 0;

	if (spare < ALWAYS_FREE_BLOCKS)
		spare = ALWAYS_FREE_BLOCKS < all ? ALWAYS_FREE_BLOCKS : all;
	st->f_frsize = BLOCK;
	st->f_blocks = all;
	st->f_bfree = st->f_bavail = spare;
	if (below->f_blocks == 0)
		return;
	uint64_t left = below->f_bavail * below->f_frsize / BLOCK;
	if (left < spare) {
		st->f_bfree = st->f_bavail = left;
		st->f_blocks = used + left;
	}
}

void usage_show(struct fs *fs, struct statvfs *st)
{
	struct layer_usage usage;
	struct unowned unowned;

	*st = (struct statvfs){ 0 };
	layered_usage(fs->cache, &usage);
	unowned_read(fs, &unowned);
	usage.bytes += unowned_bytes(&unowned);
	if (usage.path)
		statvfs(usage.path, st);
	if (usage.max_bytes || st->f_blocks == 0) {
		struct statvfs below = *st;
		*st = (struct statvfs){ 0 };
		show_limit(&usage, &below, st);
	}
	if (st->f_files == 0 || usage.max_entries) {
		st->f_files = usage.max_entries ? usage.max_entries : usage.entries + (1u << 20);
		st->f_ffree = st->f_favail = st->f_files > usage.entries
						     ? st->f_files - usage.entries
						     : 1;
	}
	st->f_bsize = BLOCK;
	st->f_namemax = KEY_COMPONENT_MAX;
}
