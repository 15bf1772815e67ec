/* See lock_close.h. */
#include "verbs/lock_close.h"

enum { OPENERS_MAX = 32 };

/* The threads that opened a file for reading, whose closes are not told. */
struct openers {
	uint64_t ino;
	uint64_t owner; /* of the lock */
	size_t count;
	pid_t tids[OPENERS_MAX];
};

static bool openers_have(const struct openers *o, pid_t tid)
{
	size_t i = 0;

	while (i < o->count && o->tids[i] != tid)
		i++;
	return i < o->count;
}

static bool is_candidate(const struct openers *o, const struct handle *h)
{
	return h->silent && !h->has_posix && h->inode->ino == o->ino;
}

static void openers_find(struct fs *fs, struct openers *o)
{
	inodes_lock(&fs->inodes);
	for (const struct handle *h = fs->handles; h && o->count < OPENERS_MAX; h = h->next)
		if (is_candidate(o, h) && !openers_have(o, h->holders.opener_tid))
			o->tids[o->count++] = h->holders.opener_tid;
	inodes_unlock(&fs->inodes);
}

/* Those of one process, and threads that have ended, which may have been its. */
static void openers_keep(struct fs *fs, struct openers *o, pid_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < o->count; i++) {
		pid_t process = process_of_thread(&fs->callers, o->tids[i]);
		if (process == pid || process == 0)
			o->tids[kept++] = o->tids[i];
	}
	o->count = kept;
}

/* How many handles they have; sets whether those end the owner's locks. */
static unsigned openers_handles(struct fs *fs, const struct openers *o, bool ends)
{
	unsigned count = 0;

	inodes_lock(&fs->inodes);
	for (struct handle *h = fs->handles; h; h = h->next) {
		if (!is_candidate(o, h) || !openers_have(o, h->holders.opener_tid))
			continue;
		h->ends_posix = ends;
		h->posix_owner = o->owner;
		count++;
	}
	inodes_unlock(&fs->inodes);
	return count;
}

bool lock_close_is_silent(struct fs *fs, struct handle *h)
{
	bool silent = !h->writer && !file_locks_has_posix(fs->locks, h->inode->ino);

	inodes_lock(&fs->inodes); /* others find it among the open files */
	h->silent = silent;
	inodes_unlock(&fs->inodes);
	return silent;
}

void lock_close_asked(struct fs *fs, struct handle *h, uint64_t owner)
{
	inodes_lock(&fs->inodes);
	h->has_posix = true;
	h->posix_owner = owner;
	inodes_unlock(&fs->inodes);
}

/* What the process has closed before, and only a child still has, says nothing when that closes it:
 * then it has fewer descriptors than there are handles. */
void lock_close_note(struct fs *fs, uint64_t ino, pid_t tid, uint64_t owner)
{
	struct openers o = { .ino = ino, .owner = owner };
	struct look look;

	openers_find(fs, &o);
	pid_t pid = o.count > 0 ? process_of_thread(&fs->callers, tid) : 0;
	if (pid == 0)
		return;
	openers_keep(fs, &o, pid);
	unsigned handles = openers_handles(fs, &o, false);
	if (handles == 0)
		return;
	look_begin(&look, &fs->seen_as, o.ino);
	look.readers = true;
	openers_handles(fs, &o, look_finds_more_than(&look, pid, handles - 1));
}

bool lock_close_ends(struct fs *fs, const struct handle *h, uint64_t *owner)
{
	inodes_lock(&fs->inodes);
	bool ends = h->has_posix || h->ends_posix;
	*owner = h->posix_owner;
	inodes_unlock(&fs->inodes);
	return ends;
}
